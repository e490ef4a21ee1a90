import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EOI, jpegSegments, SOS } from './jpeg-segments.ts';

const SOI = [0xff, 0xd8];
const APP1 = 0xe1;
const DQT = 0xdb;

const segment = (marker: number, ...data: number[]) => [0xff, marker, 0, data.length + 2, ...data];
const END = [0xff, EOI];

/** The segments of a file that consists of the start marker and `bytes`. */
function segmentsOf(...bytes: number[]) {
  return [...jpegSegments(Uint8Array.from([...SOI, ...bytes]))].map(({ marker, start, end, data }) => ({
    marker,
    start,
    end,
    data: [...data],
  }));
}

describe('the segments of a JPEG', () => {
  it('are found with their place and data, to the end marker', () => {
    expect(segmentsOf(...segment(APP1, 7, 8, 9), ...segment(DQT), ...END, ...segment(APP1))).toEqual([
      { marker: APP1, start: 2, end: 9, data: [7, 8, 9] },
      { marker: DQT, start: 9, end: 13, data: [] },
      { marker: EOI, start: 13, end: 15, data: [] },
    ]);
  });

  it('include fill bytes, each on its own', () => {
    expect(segmentsOf(0xff, 0xff, ...segment(DQT, 1)).map(({ marker, start }) => [marker, start])).toEqual([
      [0xff, 2],
      [0xff, 3],
      [DQT, 4],
    ]);
  });

  it('follow one another after the coded data of a scan', () => {
    const coded = [1, 2, 0xff, 0, 3, 0xff, 0xd0, 4, 0xff, 0xd7];
    const found = segmentsOf(...segment(SOS, 1), ...coded, ...segment(SOS, 2), ...coded, ...END);
    expect(found.map(({ marker, data }) => [marker, ...data])).toEqual([[SOS, 1], [SOS, 2], [EOI]]);
  });

  it('are found after garbage, as decoders find them', () => {
    const garbage: Record<string, number[]> = {
      'plain bytes': [1, 2, 3],
      'a second start': SOI,
      'a restart outside a scan': [0xff, 0xd3],
      'a marker without a segment': [0xff, 0x01],
      'a length that is too short': [0xff, DQT, 0, 1],
    };
    for (const [name, bytes] of Object.entries(garbage)) {
      const found = segmentsOf(...segment(DQT, 1), ...bytes, ...segment(APP1, 2));
      expect(
        found.map(({ marker }) => marker),
        name,
      ).toEqual([DQT, APP1]);
    }
  });

  it.each([1, 2, 3, 4, 5, 6])('end before a segment of which only the first %i bytes are there', (length) => {
    const cut = segment(APP1, 1, 2, 3).slice(0, length);
    expect(segmentsOf(...segment(DQT, 1), ...cut).map(({ marker }) => marker)).toEqual([DQT]);
  });

  it('lie in order inside the file and do not overlap, whatever the bytes', () => {
    const byte = fc.oneof(fc.constantFrom(0xff, 0, 1, SOS, EOI, APP1, DQT), fc.nat(255));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 60 }), (bytes) => {
        let last = 2;
        for (const { start, end } of segmentsOf(...bytes)) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(bytes.length + 2);
          last = end;
        }
      }),
    );
  });
});

import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { primaryItem } from './heif-items.ts';

const avif = await sharp({ create: { width: 20, height: 10, channels: 4, background: 'teal' } })
  .avif({ lossless: true, chromaSubsampling: '4:4:4' })
  .toBuffer();

describe('the primary item of a HEIF or AVIF file', () => {
  it('is found with its properties', () => {
    const item = primaryItem(avif);
    expect(item?.type).toBe('av01');
    expect(item?.properties.map(({ type }) => type)).toEqual(expect.arrayContaining(['ispe', 'av1C', 'colr']));
    const size = item!.properties.find(({ type }) => type === 'ispe')!.data;
    expect([...size]).toEqual([0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 10]);
  });

  it('is none where there is none', () => {
    expect(primaryItem(new Uint8Array())).toBeNull();
    const without = Buffer.from(avif);
    without.write('free', without.indexOf('pitm'), 'latin1');
    expect(primaryItem(without)).toBeNull();
  });

  it('is read without an error, whatever is damaged', () => {
    const change = fc.record({ at: fc.nat(avif.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 5 }), fc.nat(avif.length), (changes, end) => {
        const bytes = Buffer.from(avif);
        for (const { at, value } of changes) bytes[at] = value;
        const item = primaryItem(bytes.subarray(0, end));
        expect(item === null || typeof item.type === 'string').toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

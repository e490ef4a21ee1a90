import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { convertToSrgb, SRGB_CODING, unmultiply } from './convert-color.ts';
import { inksToRgb } from './inks.ts';
import { primariesOf, SRGB_PRIMARIES } from './primaries.ts';
import { toneMapFactor } from './tone-map.ts';
import { power, transferOf } from './transfer.ts';

const PRIMARIES = [1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22];
const TRANSFERS = [1, 4, 5, 6, 7, 8, 11, 13, 14, 15, 17];
const [PQ, HLG, BT2020, P3] = [16, 18, 9, 12];

const coded = (primaries: number, transfer: number) => ({
  primaries: primariesOf(primaries),
  transfer: transferOf(transfer, false),
});

describe('conversion to sRGB', () => {
  it('leaves sRGB as it is', () => {
    const all = Uint8Array.from({ length: 768 }, (_, index) => Math.floor(index / 3));
    expect(convertToSrgb(all, 3, 255, SRGB_CODING)).toEqual(all);
  });

  it('leaves black, white and the opacity, whatever the primaries and the curve', () => {
    const pixels = Uint8Array.from([0, 0, 0, 7, 255, 255, 255, 200]);
    for (const primaries of PRIMARIES) {
      for (const transfer of TRANSFERS) {
        expect(convertToSrgb(pixels, 4, 255, coded(primaries, transfer)), `${primaries}, ${transfer}`).toEqual(pixels);
      }
    }
  });

  it('keeps gray gray', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PRIMARIES),
        fc.constantFrom(...TRANSFERS, PQ, HLG),
        fc.nat(65_535),
        (primaries, transfer, value) => {
          const [red, green, blue] = convertToSrgb(
            Uint16Array.of(value, value, value),
            3,
            65_535,
            coded(primaries, transfer),
          );
          expect(Math.max(red!, green!, blue!) - Math.min(red!, green!, blue!)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it.each([
    ['linear light', coded(1, 8), [0.5, 0.5, 0.5], [188, 188, 188]],
    ['a power of 2.2', { primaries: SRGB_PRIMARIES, transfer: power(2.2) }, [0.25, 0.5, 0.75], [61, 129, 192]],
    ['BT.709 as on a reference display', coded(1, 1), [0.25, 0.5, 0.75], [53, 121, 187]],
    ['Display P3', coded(P3, 13), [0.8, 0.4, 0.4], [219, 94, 99]],
    ['BT.2020', coded(BT2020, 13), [0.5, 0.75, 0.75], [26, 197, 192]],
    // White of 203 candela per square meter is halved, to leave room for what is brighter.
    ['PQ, white', coded(BT2020, PQ), [0.5807, 0.5807, 0.5807], [188, 188, 188]],
    ['PQ, 1,000 candela', coded(BT2020, PQ), [0.7518, 0.7518, 0.7518], [255, 255, 255]],
    ['PQ, 10,000 candela', coded(BT2020, PQ), [1, 1, 1], [255, 255, 255]],
    ['HLG, white', coded(BT2020, HLG), [0.75, 0.75, 0.75], [188, 188, 188]],
    ['HLG, the brightest', coded(BT2020, HLG), [1, 1, 1], [255, 255, 255]],
  ])('shows %s as browsers do', (_, coding, from, to) => {
    const samples = Uint16Array.from(from, (value) => Math.round(value * 65_535));
    const off = [...convertToSrgb(samples, 3, 65_535, coding)].map((value, index) => Math.abs(value - to[index]!));
    expect(Math.max(...off), convertToSrgb(samples, 3, 65_535, coding).join()).toBeLessThanOrEqual(1);
  });
});

describe('tone mapping', () => {
  it('never makes the brighter of two the darker one, and stays within what a display shows', () => {
    const light = fc.double({ min: 0, max: 60, noNaN: true });
    fc.assert(
      fc.property(light, light, (a, b) => {
        const [dark, bright] = [Math.min(a, b), Math.max(a, b)];
        expect(dark * toneMapFactor(dark)).toBeLessThanOrEqual(bright * toneMapFactor(bright) + 1e-9);
        expect(bright * toneMapFactor(bright)).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });
});

describe('colors that are multiplied by their opacity', () => {
  it('are divided by it', () => {
    const pixels = Uint8Array.from([64, 32, 0, 128, 9, 9, 9, 0, 200, 1, 1, 100, 5, 6, 7, 255]);
    unmultiply(pixels, 255);
    expect([...pixels]).toEqual([128, 64, 0, 128, 9, 9, 9, 0, 255, 3, 3, 100, 5, 6, 7, 255]);
  });
});

describe('inks without a profile', () => {
  it('take their color away from white', () => {
    expect([...inksToRgb(Uint8Array.from([0, 0, 0, 0, 255, 0, 0, 0, 0, 128, 255, 128, 0, 0, 0, 255]))]).toEqual([
      255, 255, 255, 0, 255, 255, 127, 63, 0, 0, 0, 0,
    ]);
  });
});

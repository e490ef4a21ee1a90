import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyShape, anySmallPhoto, noise } from '../../test/fixtures/shapes.ts';
import type { Size } from './geometry.ts';
import { coverage, type MaskShape } from './mask.ts';
import { drawOutlines } from './outline.ts';
import type { Raster } from './raster.ts';

const box = (left: number, top: number, right: number, bottom: number): MaskShape => ({
  kind: 'box',
  box: { left, top, right, bottom },
});
const ellipse = (left: number, top: number, right: number, bottom: number): MaskShape => ({
  ...box(left, top, right, bottom),
  kind: 'ellipse',
});

const GRAY = 100;
const many = (count: number, value: number) => Array.from({ length: count }, () => value);

function gray({ width, height }: Size, channels: 3 | 4 = 3): Raster {
  return { width, height, channels, data: new Uint8Array(width * height * channels).fill(GRAY) };
}

/** The pixels as text, a line per row: W white, B black, `.` as before, `-` as before and masked. */
function drawn(shapes: readonly MaskShape[], size: Size): string[] {
  const photo = gray(size);
  drawOutlines(photo, shapes);
  const covered = coverage(shapes, size);
  const letter = (pixel: number) => {
    const color = photo.data.subarray(pixel * 3, pixel * 3 + 3);
    if (color.every((value) => value === 255)) return 'W';
    if (color.every((value) => value === 0)) return 'B';
    if (color.every((value) => value === GRAY)) return covered[pixel] === 1 ? '-' : '.';
    return '?';
  };
  return Array.from({ length: size.height }, (_, y) =>
    Array.from({ length: size.width }, (_, x) => letter(y * size.width + x)).join(''),
  );
}

const anyScene = fc.record({ size: anySmallPhoto, shapes: fc.array(anyShape, { maxLength: 5 }) });

describe('the outline', () => {
  it('of a box is a white line inside its edge, and a black one beside it', () => {
    expect(drawn([box(1, 1, 8, 7)], { width: 9, height: 8 })).toEqual([
      '.........',
      '.WWWWWWW.',
      '.WBBBBBW.',
      '.WB---BW.',
      '.WB---BW.',
      '.WBBBBBW.',
      '.WWWWWWW.',
      '.........',
    ]);
  });

  it('of an ellipse follows it', () => {
    expect(drawn([ellipse(1, 1, 12, 10)], { width: 13, height: 11 })).toEqual([
      '.............',
      '...WWWWWWW...',
      '.WWBBBBBBBWW.',
      '.WB-------BW.',
      '.WB-------BW.',
      '.WB-------BW.',
      '.WB-------BW.',
      '.WB-------BW.',
      '.WWBBBBBBBWW.',
      '...WWWWWWW...',
      '.............',
    ]);
  });

  it('is closed where the border cuts a mask', () => {
    expect(drawn([box(-5, -5, 6, 5)], { width: 8, height: 6 })).toEqual([
      'WWWWWW..',
      'WBBBBW..',
      'WB--BW..',
      'WBBBBW..',
      'WWWWWW..',
      '........',
    ]);
  });

  it('is one around masks that overlap, and one around each that lies alone', () => {
    expect(drawn([box(0, 0, 7, 6), box(5, 0, 10, 6), box(11, 0, 16, 6)], { width: 16, height: 6 })).toEqual([
      'WWWWWWWWWW.WWWWW',
      'WBBBBBBBBW.WBBBW',
      'WB------BW.WB-BW',
      'WB------BW.WB-BW',
      'WBBBBBBBBW.WBBBW',
      'WWWWWWWWWW.WWWWW',
    ]);
  });

  it.each([
    [480, 1],
    [1080, 2],
    [3000, 4],
    [7000, 8],
  ])('has lines whose width goes by the shorter side of the photo: of %i pixels, %i', (side, width) => {
    // Gray in the looked-at rows only: untouched memory costs nothing.
    const photo: Raster = {
      width: side + 200,
      height: side,
      channels: 3,
      data: new Uint8Array((side + 200) * side * 3),
    };
    photo.data.fill(GRAY, 0, photo.width * 200 * 3);
    drawOutlines(photo, [box(0, 0, 200, 200)]);
    const row = Array.from({ length: 20 }, (_, x) => photo.data[(100 * photo.width + x) * 3]);
    expect(row).toEqual([...many(width, 255), ...many(width, 0), ...many(20 - 2 * width, GRAY)]);
  });

  it('is finer on small masks, so that more than the outline remains', () => {
    const photo = gray({ width: 3000, height: 3000 });
    drawOutlines(photo, [box(0, 0, 24, 24)]);
    const row = Array.from({ length: 12 }, (_, x) => photo.data[(12 * photo.width + x) * 3]);
    expect(row).toEqual([...many(3, 255), ...many(3, 0), ...many(6, GRAY)]);
  });

  it('is opaque', () => {
    const photo = gray({ width: 9, height: 9 }, 4);
    drawOutlines(photo, [box(1, 1, 8, 8)]);
    expect([...photo.data.subarray((9 + 1) * 4, (9 + 1) * 4 + 4)]).toEqual([255, 255, 255, 255]);
    expect([...photo.data.subarray((18 + 2) * 4, (18 + 2) * 4 + 4)]).toEqual([0, 0, 0, 255]);
  });

  it('lies inside the shapes, and is the same whatever the photo shows', () => {
    fc.assert(
      fc.property(anyScene, fc.constantFrom<(3 | 4)[]>(3, 4), fc.nat(), ({ size, shapes }, channels, seed) => {
        const before = noise(size, channels, seed);
        const after = { ...before, data: before.data.slice() };
        drawOutlines(after, shapes);
        const plain = drawn(shapes, size).join('');
        const expected = { ...before, data: before.data.slice() };
        for (let pixel = 0; pixel < size.width * size.height; pixel++) {
          if (plain[pixel] === 'W') expected.data.fill(255, pixel * channels, (pixel + 1) * channels);
          if (plain[pixel] === 'B') expected.data.set([0, 0, 0, 255].slice(0, channels), pixel * channels);
        }
        expect(after).toEqual(expected);
        const covered = coverage(shapes, size);
        expect(covered.every((inside, pixel) => inside === 1 || plain[pixel] === '.')).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('has no gap: every masked pixel beside one that is not, or at the border, is white', () => {
    fc.assert(
      fc.property(anyScene, ({ size: { width, height }, shapes }) => {
        const covered = coverage(shapes, { width, height });
        const rows = drawn(shapes, { width, height });
        const isCovered = (x: number, y: number) =>
          x >= 0 && y >= 0 && x < width && y < height && covered[y * width + x] === 1;
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const beside = [isCovered(x - 1, y), isCovered(x + 1, y), isCovered(x, y - 1), isCovered(x, y + 1)];
            if (isCovered(x, y) && beside.includes(false)) expect(rows[y]![x]).toBe('W');
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});

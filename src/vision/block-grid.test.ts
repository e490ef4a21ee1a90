import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodeJpeg, type Sampling } from '../../test/fixtures/jpeg-encoder.ts';
import { growToBlocks, jpegGrid, uprightGrid } from './block-grid.ts';
import { coverage, type MaskShape, onGrid } from './mask.ts';

const pixels = { width: 37, height: 21, data: new Uint8Array(37 * 21 * 3).fill(90) };

describe('the grid of a JPEG', () => {
  it.each([
    ['4:4:4', 8, 8],
    ['4:2:2', 16, 8],
    ['4:4:0', 8, 16],
    ['4:2:0', 16, 16],
    ['4:1:1', 32, 8],
    ['4:1:0', 32, 16],
    ['grey', 8, 8],
  ] as const)('of %s has units of %i × %i pixels', (sampling: Sampling, width, height) => {
    expect(jpegGrid(encodeJpeg(pixels, sampling, 80), 1)).toEqual({ width, height, offsetX: 0, offsetY: 0, reach: 1 });
  });

  it.each([
    [1, 16, 8, 0, 0],
    [2, 16, 8, 37 % 16, 0],
    [3, 16, 8, 37 % 16, 21 % 8],
    [4, 16, 8, 0, 21 % 8],
    [5, 8, 16, 0, 0],
    [6, 8, 16, 21 % 8, 0],
    [7, 8, 16, 21 % 8, 37 % 16],
    [8, 8, 16, 0, 37 % 16],
    [0, 16, 8, 0, 0],
    [9, 16, 8, 0, 0],
  ])('lies, with EXIF orientation %i, from the border at which the file starts', (orientation, ...expected) => {
    const [width, height, offsetX, offsetY] = expected;
    const grid = uprightGrid({ width: 37, height: 21 }, { width: 16, height: 8 }, orientation, 1);
    expect(grid).toEqual({ width, height, offsetX, offsetY, reach: 1 });
  });

  it('reaches farther where a progressive file holds less than it announces', async () => {
    const raw = { width: 37, height: 21, channels: 3 } as const;
    const whole = await sharp(pixels.data, { raw }).jpeg({ progressive: true }).toBuffer();
    expect(jpegGrid(whole, 1)?.reach).toBe(1);
    const lastScan = whole.lastIndexOf(Buffer.from([0xff, 0xda]));
    const cut = Buffer.concat([whole.subarray(0, lastScan), Buffer.from([0xff, 0xd9])]);
    expect(jpegGrid(cut, 1)?.reach).toBe(3);
  });

  it('is none where there is no frame header', () => {
    for (const bytes of [[], [0xff, 0xd8], [0xff, 0xd8, 0xff, 0xc0, 0, 3, 8], [0xff, 0xd8, 0xff, 0xd9]]) {
      expect(jpegGrid(Uint8Array.from(bytes), 1)).toBeNull();
    }
  });
});

describe('a shape on a grid', () => {
  const grid = { width: 8, height: 8, offsetX: 3, offsetY: 5, reach: 1 };
  const photo = { width: 60, height: 50 };

  it('grows to the blocks that it touches and one more', () => {
    expect(growToBlocks({ left: 12, top: 14, right: 18, bottom: 20 }, grid)).toEqual({
      left: 3,
      top: 5,
      right: 27,
      bottom: 29,
    });
  });

  it.each(['ellipse', 'box'] as const)('covers whole blocks around every pixel of the %s, and no other', (kind) => {
    const shape: MaskShape = { kind, box: { left: 14.4, top: 9.2, right: 45.1, bottom: 33.8 } };
    const core = coverage([shape], photo);
    const grown = coverage(onGrid([shape], grid), photo);
    const block = (x: number, y: number) => [Math.floor((x - 3) / 8), Math.floor((y - 5) / 8)] as const;
    const blocks = new Set<string>();
    core.forEach((inside, pixel) => {
      const [column, row] = block(pixel % photo.width, Math.floor(pixel / photo.width));
      if (inside === 0) return;
      for (const dx of [-1, 0, 1]) for (const dy of [-1, 0, 1]) blocks.add(`${column + dx},${row + dy}`);
    });
    const expected = core.map((_, pixel) =>
      blocks.has(block(pixel % photo.width, Math.floor(pixel / photo.width)).join()) ? 1 : 0,
    );
    expect(grown).toEqual(expected);
  });
});

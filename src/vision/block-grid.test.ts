import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { noise } from '../../test/fixtures/shapes.ts';
import { encodeJpeg, type Sampling } from '../../test/fixtures/jpeg-encoder.ts';
import { anywhereOn, growToBlocks, growToSources, jpegGrid, uprightGrid, videoGrid } from './block-grid.ts';
import { coverage, type MaskShape, onGrid } from './mask.ts';

const pixels = { width: 37, height: 21, data: new Uint8Array(37 * 21 * 3).fill(90) };

/** Along an axis on which the component that is subsampled most has a sample for so many pixels. */
const reach = (shrunk: number) =>
  shrunk === 1 ? { size: 8, before: 1, after: 0 } : { size: 8 * shrunk, before: 11 * shrunk, after: shrunk };

describe('the grid of a JPEG', () => {
  it.each([
    ['4:4:4', 1, 1],
    ['4:2:2', 2, 1],
    ['4:4:0', 1, 2],
    ['4:2:0', 2, 2],
    ['4:1:1', 4, 1],
    ['4:1:0', 4, 2],
    ['gray', 1, 1],
  ] as const)('of %s is that of samples of %i × %i pixels', (sampling: Sampling, x, y) => {
    expect(jpegGrid(encodeJpeg(pixels, sampling, 80), 1)).toEqual({
      x: { ...reach(x), offset: 0 },
      y: { ...reach(y), offset: 0 },
    });
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
    const grid = uprightGrid({ width: 37, height: 21 }, reach(2), reach(1), orientation);
    expect(grid).toEqual({
      x: { ...reach(width / 8), offset: offsetX },
      y: { ...reach(height / 8), offset: offsetY },
    });
  });

  it('reaches farther where a progressive file holds less than it announces', async () => {
    const raw = { width: 37, height: 21, channels: 3 } as const;
    const whole = await sharp(pixels.data, { raw }).jpeg({ progressive: true }).toBuffer();
    expect(jpegGrid(whole, 1)?.x.after).toBe(2);
    const lastScan = whole.lastIndexOf(Buffer.from([0xff, 0xda]));
    const cut = Buffer.concat([whole.subarray(0, lastScan), Buffer.from([0xff, 0xd9])]);
    expect(jpegGrid(cut, 1)?.x.after).toBe(2 + 2 * 16);
  });

  it('reaches farther where one component is coded twice, and another not at all', async () => {
    const raw = { width: 37, height: 21, channels: 3 } as const;
    const whole = await sharp(noise(pixels, 3, 1).data, { raw })
      .jpeg({ progressive: true, chromaSubsampling: '4:4:4' })
      .toBuffer();
    expect(jpegGrid(whole, 1)?.x.after).toBe(0);
    expect(jpegGrid(withScansOf(whole, 1, 2), 1)?.x.after).toBe(16);
  });

  it('reaches farther where a later scan takes bits back', async () => {
    const raw = { width: 37, height: 21, channels: 3 } as const;
    const whole = await sharp(noise(pixels, 3, 1).data, { raw })
      .jpeg({ progressive: true, chromaSubsampling: '4:4:4' })
      .toBuffer();
    const coarser = Buffer.from(scansOf(whole).findLast((scan) => scan[4] === 1 && scan[5] === 2)!);
    coarser[9] = 0x01;
    const taken = Buffer.concat([whole.subarray(0, -2), coarser, Buffer.from([0xff, 0xd9])]);
    expect(jpegGrid(taken, 1)?.x.after).toBe(16);
  });

  it('is none where there is no frame header', () => {
    for (const bytes of [[], [0xff, 0xd8], [0xff, 0xd8, 0xff, 0xc0, 0, 3, 8], [0xff, 0xd8, 0xff, 0xd9]]) {
      expect(jpegGrid(Uint8Array.from(bytes), 1)).toBeNull();
    }
  });
});

/** The scans of a JPEG, each with its marker and its coded data. */
function scansOf(jpeg: Buffer): Buffer[] {
  const starts: number[] = [];
  for (let at = jpeg.indexOf('\xff\xda', 0, 'latin1'); at >= 0; at = jpeg.indexOf('\xff\xda', at + 1, 'latin1'))
    starts.push(at);
  return starts.map((start, index) => jpeg.subarray(start, starts[index + 1] ?? jpeg.length - 2));
}

/** The same file, in which every scan of one component alone is that of another, a second time. */
function withScansOf(jpeg: Buffer, kept: number, dropped: number): Buffer {
  const scans = scansOf(jpeg);
  const isAlone = (scan: Buffer, id: number) => scan[4] === 1 && scan[5] === id;
  const again = scans.filter((scan) => isAlone(scan, kept));
  const replaced = scans.map((scan) => (isAlone(scan, dropped) ? again.shift()! : scan));
  return Buffer.concat([jpeg.subarray(0, jpeg.indexOf(scans[0]!)), ...replaced, Buffer.from([0xff, 0xd9])]);
}

describe('a grid of which nobody knows where its blocks lie', () => {
  it('reaches on every side as far as the farthest of several from any place in a block', () => {
    const grids = [videoGrid({ width: 30, height: 20 }, 1), jpegGrid(encodeJpeg(pixels, '4:1:1', 80), 1)!];
    const anywhere = anywhereOn(grids);
    fc.assert(
      fc.property(
        fc.integer({ min: -200, max: 200 }),
        fc.integer({ min: 1, max: 50 }),
        fc.nat(31),
        (left, size, offset) => {
          const box = { left, top: left, right: left + size, bottom: left + size };
          const outer = growToBlocks(box, anywhere);
          for (const { x, y } of grids) {
            const moved = { x: { ...x, offset: offset % x.size }, y: { ...y, offset: offset % y.size } };
            const inner = growToBlocks(box, moved);
            expect(outer.left).toBeLessThanOrEqual(inner.left);
            expect(outer.top).toBeLessThanOrEqual(inner.top);
            expect(outer.right).toBeGreaterThanOrEqual(inner.right);
            expect(outer.bottom).toBeGreaterThanOrEqual(inner.bottom);
          }
        },
      ),
    );
  });
});

describe('a shape on a grid', () => {
  const axis = { size: 8, before: 3, after: 2 };
  const grid = { x: { ...axis, offset: 3 }, y: { ...axis, offset: 5 } };
  const photo = { width: 60, height: 50 };

  it('grows to the blocks within the encoder’s reach, and on by the decoder’s', () => {
    expect(growToBlocks({ left: 12, top: 14, right: 18, bottom: 19 }, grid)).toEqual({
      left: 3 - 2,
      top: 5 - 2,
      right: 27 + 2,
      bottom: 29 + 2,
    });
  });

  it('grows back from a pixel to all that have reached it', () => {
    fc.assert(
      fc.property(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 }), (from, to) => {
        const pixel = (at: number) => ({ left: at, top: at, right: at + 1, bottom: at + 1 });
        const reached = growToBlocks(pixel(from), grid);
        const sources = growToSources(pixel(to), grid);
        expect(to >= reached.left && to < reached.right).toBe(from >= sources.left && from < sources.right);
        expect(to >= reached.top && to < reached.bottom).toBe(from >= sources.top && from < sources.bottom);
      }),
    );
  });

  it.each(['ellipse', 'box'] as const)('covers all that every pixel of the %s reaches, and nothing else', (kind) => {
    const shape: MaskShape = { kind, box: { left: 14.4, top: 9.2, right: 45.1, bottom: 33.8 } };
    const core = coverage([shape], photo);
    const expected = new Uint8Array(core.length);
    core.forEach((inside, pixel) => {
      if (inside === 0) return;
      const [x, y] = [pixel % photo.width, Math.floor(pixel / photo.width)];
      const { left, top, right, bottom } = growToBlocks({ left: x, top: y, right: x + 1, bottom: y + 1 }, grid);
      for (let row = Math.max(0, top); row < Math.min(photo.height, bottom); row++) {
        expected.fill(1, row * photo.width + Math.max(0, left), row * photo.width + Math.min(photo.width, right));
      }
    });
    expect(coverage(onGrid([shape], grid), photo)).toEqual(expected);
  });

  it('is no larger on a source without loss', () => {
    const shape: MaskShape = { kind: 'box', box: { left: 1, top: 2, right: 3, bottom: 4 } };
    expect(onGrid([shape], 'lossless')).toEqual([shape]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Raster } from './raster.ts';
import { shrinkByMean } from './shrink.ts';

const side = fc.integer({ min: 1, max: 40 });
const raster = fc
  .tuple(side, side)
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((data): Raster => ({ width, height, channels: 3, data })),
  );

describe('shrinkByMean', () => {
  it('gives the mean of each block where the factor is whole', () => {
    const data = Uint8Array.from([0, 0, 0, 10, 20, 30, 100, 100, 100, 200, 200, 200]);
    const photo: Raster = { width: 2, height: 2, channels: 3, data };
    expect([...shrinkByMean(photo, { width: 1, height: 1 }).data]).toEqual([78, 80, 83]);
  });

  it('gives the same pixels at the same size', () => {
    fc.assert(
      fc.property(raster, (photo) => {
        expect(shrinkByMean(photo, photo)).toEqual(photo);
      }),
    );
  });

  it('stays within the darkest and the brightest pixel, at any smaller size', () => {
    fc.assert(
      fc.property(raster, fc.double({ min: 0, max: 1, noNaN: true }), (photo, share) => {
        const size = {
          width: Math.max(1, Math.round(photo.width * share)),
          height: Math.max(1, Math.round(photo.height * share)),
        };
        const { data, ...shrunk } = shrinkByMean(photo, size);
        expect(shrunk).toEqual({ ...size, channels: 3 });
        expect(data).toHaveLength(size.width * size.height * 3);
        expect(Math.min(...data)).toBeGreaterThanOrEqual(Math.min(...photo.data));
        expect(Math.max(...data)).toBeLessThanOrEqual(Math.max(...photo.data));
      }),
    );
  });

  it('gives a photo of one color that color', () => {
    fc.assert(
      fc.property(
        side,
        side,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 255 }),
        (x, y, factor, value) => {
          const [width, height] = [x * factor, y * factor];
          const data = new Uint8Array(width * height * 3).fill(value);
          const shrunk = shrinkByMean({ width, height, channels: 3, data }, { width: x, height: y });
          expect(new Set(shrunk.data)).toEqual(new Set([value]));
        },
      ),
    );
  });
});

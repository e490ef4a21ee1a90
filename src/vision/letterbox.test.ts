import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canvasFor, longSideOn, sizeAt } from './letterbox.ts';

const side = fc.integer({ min: 1, max: 20_000 });
const photoSize = fc.record({ width: side, height: side });

describe('the size of a photo at a long side', () => {
  it.each([
    ['a 16:9 photo', { width: 1920, height: 1080 }, { width: 640, height: 360 }],
    ['an upright 3:4 photo', { width: 3000, height: 4000 }, { width: 480, height: 640 }],
    ['a small photo, enlarged', { width: 100, height: 50 }, { width: 640, height: 320 }],
    ['a line of pixels', { width: 9000, height: 1 }, { width: 640, height: 1 }],
  ])('of 640 is, for %s, as worked out by hand', (_, photo, size) => {
    expect(sizeAt(photo, 640)).toEqual(size);
  });

  it('has that long side, and the ratio of the photo but for the rounding to whole pixels', () => {
    fc.assert(
      fc.property(photoSize, fc.integer({ min: 32, max: 4096 }), (photo, longSide) => {
        const size = sizeAt(photo, longSide);
        const scale = longSide / Math.max(photo.width, photo.height);
        expect(Math.max(size.width, size.height)).toBe(longSide);
        for (const dimension of ['width', 'height'] as const) {
          expect(Math.abs(size[dimension] - Math.max(photo[dimension] * scale, 0.5))).toBeLessThanOrEqual(0.5 + 1e-6);
        }
      }),
    );
  });
});

describe('a canvas', () => {
  it('is the smallest of multiples of 32 that holds the pixels', () => {
    fc.assert(
      fc.property(photoSize, (size) => {
        const canvas = canvasFor(size);
        for (const dimension of ['width', 'height'] as const) {
          expect(canvas[dimension] % 32).toBe(0);
          expect(canvas[dimension]).toBeGreaterThanOrEqual(size[dimension]);
          expect(canvas[dimension] - size[dimension]).toBeLessThan(32);
        }
      }),
    );
  });

  it('of fixed size is filled in one direction, and not exceeded in the other', () => {
    fc.assert(
      fc.property(photoSize, photoSize, (photo, canvas) => {
        const size = sizeAt(photo, longSideOn(photo, canvas));
        expect(size.width).toBeLessThanOrEqual(canvas.width);
        expect(size.height).toBeLessThanOrEqual(canvas.height);
        expect(size.width === canvas.width || size.height === canvas.height).toBe(true);
      }),
    );
  });
});

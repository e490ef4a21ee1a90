import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitToCanvas, fitToLongSide, type Letterbox } from './letterbox.ts';

const side = fc.integer({ min: 1, max: 20_000 });
const photoSize = fc.record({ width: side, height: side });
const canvasSide = fc.integer({ min: 1, max: 64 }).map((multiple) => 32 * multiple);

/** No distortion beyond the rounding to whole pixels, of which there is at least one. */
function expectRatioKept(photo: { width: number; height: number }, scale: number, { content }: Letterbox): void {
  for (const dimension of ['width', 'height'] as const) {
    const exact = photo[dimension] * scale;
    expect(Math.abs(content[dimension] - Math.max(exact, 0.5))).toBeLessThanOrEqual(0.5 + 1e-6);
    expect(content[dimension]).toBeGreaterThanOrEqual(1);
    expect(Number.isInteger(content[dimension])).toBe(true);
  }
}

function expectScalesToMapPhotoOntoContent(photo: { width: number; height: number }, letterbox: Letterbox): void {
  expect(photo.width * letterbox.scaleX).toBeCloseTo(letterbox.content.width, 6);
  expect(photo.height * letterbox.scaleY).toBeCloseTo(letterbox.content.height, 6);
}

describe('fitting to a long side', () => {
  it.each([
    ['a 16:9 photo', { width: 1920, height: 1080 }, { width: 640, height: 360 }, { width: 640, height: 384 }],
    ['an upright 3:4 photo', { width: 3000, height: 4000 }, { width: 480, height: 640 }, { width: 480, height: 640 }],
    ['a small photo, enlarged', { width: 100, height: 50 }, { width: 640, height: 320 }, { width: 640, height: 320 }],
    ['a line of pixels', { width: 9000, height: 1 }, { width: 640, height: 1 }, { width: 640, height: 32 }],
  ])('at 640 places %s as worked out by hand', (_, photo, content, canvas) => {
    expect(fitToLongSide(photo, 640)).toEqual({
      content,
      canvas,
      scaleX: content.width / photo.width,
      scaleY: content.height / photo.height,
    });
  });

  it('gives the long side as asked, the ratio as it was, and the smallest canvas of multiples of 32 around it', () => {
    fc.assert(
      fc.property(photoSize, fc.integer({ min: 32, max: 4096 }), (photo, longSide) => {
        const letterbox = fitToLongSide(photo, longSide);
        const { content, canvas } = letterbox;
        expect(Math.max(content.width, content.height)).toBe(longSide);
        expectRatioKept(photo, longSide / Math.max(photo.width, photo.height), letterbox);
        for (const dimension of ['width', 'height'] as const) {
          expect(canvas[dimension] % 32).toBe(0);
          expect(canvas[dimension]).toBeGreaterThanOrEqual(content[dimension]);
          expect(canvas[dimension] - content[dimension]).toBeLessThan(32);
        }
        expectScalesToMapPhotoOntoContent(photo, letterbox);
      }),
    );
  });
});

describe('fitting to a fixed canvas', () => {
  it('fills the height of a wider canvas and the width of a narrower one', () => {
    const photo = { width: 300, height: 200 };
    expect(fitToCanvas(photo, { width: 640, height: 320 }).content).toEqual({ width: 480, height: 320 });
    expect(fitToCanvas(photo, { width: 300, height: 640 }).content).toEqual({ width: 300, height: 200 });
  });

  it('keeps canvas and ratio, lies inside, and reaches two opposite borders', () => {
    fc.assert(
      fc.property(photoSize, canvasSide, canvasSide, (photo, width, height) => {
        const letterbox = fitToCanvas(photo, { width, height });
        const { content, canvas } = letterbox;
        expect(canvas).toEqual({ width, height });
        expect(content.width).toBeLessThanOrEqual(width);
        expect(content.height).toBeLessThanOrEqual(height);
        expect(content.width === width || content.height === height).toBe(true);
        expectRatioKept(photo, Math.min(width / photo.width, height / photo.height), letterbox);
        expectScalesToMapPhotoOntoContent(photo, letterbox);
      }),
    );
  });
});

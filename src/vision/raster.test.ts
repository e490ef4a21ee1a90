import { describe, expect, it } from 'vitest';
import { clearHiddenColor, cropPixels } from './raster.ts';

describe('clearing hidden color', () => {
  it('blackens what is under fully transparent pixels, and touches no other', () => {
    const data = Uint8Array.of(1, 2, 3, 0, 4, 5, 6, 1, 7, 8, 9, 255, 10, 11, 12, 0);
    clearHiddenColor({ width: 2, height: 2, channels: 4, data });
    expect([...data]).toEqual([0, 0, 0, 0, 4, 5, 6, 1, 7, 8, 9, 255, 0, 0, 0, 0]);
  });

  it('leaves a photo without transparency alone', () => {
    const data = Uint8Array.of(1, 2, 3, 0, 5, 6, 0, 8, 9, 10, 11, 0);
    clearHiddenColor({ width: 4, height: 1, channels: 3, data });
    expect([...data]).toEqual([1, 2, 3, 0, 5, 6, 0, 8, 9, 10, 11, 0]);
  });
});

describe('cropping', () => {
  const photo = { width: 3, height: 2, channels: 3 as const, data: Uint8Array.from({ length: 18 }, (_, at) => at) };

  it('gives the pixels within the box', () => {
    expect(cropPixels(photo, { left: 1, top: 0, right: 3, bottom: 1 })).toEqual({
      width: 2,
      height: 1,
      channels: 3,
      data: Uint8Array.of(3, 4, 5, 6, 7, 8),
    });
    expect([...cropPixels(photo, { left: 0, top: 0, right: 1, bottom: 2 }).data]).toEqual([0, 1, 2, 9, 10, 11]);
  });

  it('to the whole photo copies nothing', () => {
    expect(cropPixels(photo, { left: 0, top: 0, right: 3, bottom: 2 })).toBe(photo);
  });
});

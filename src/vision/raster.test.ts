import { describe, expect, it } from 'vitest';
import { clearHiddenColor } from './raster.ts';

describe('clearing hidden colour', () => {
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

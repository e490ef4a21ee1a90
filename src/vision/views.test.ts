import { describe, expect, it } from 'vitest';
import type { Raster } from './raster.ts';
import { colorsOf, viewsOf } from './views.ts';

const withAlpha = (...alphas: number[]): Raster => ({
  width: alphas.length,
  height: 1,
  channels: 4,
  data: Uint8Array.from(alphas.flatMap((alpha, at) => [at, 10 + at, 20 + at, alpha])),
});

describe('the views of a photo', () => {
  it('are one where nothing is transparent', () => {
    expect(viewsOf({ width: 1, height: 1, channels: 3, data: Uint8Array.of(1, 2, 0) })).toEqual(['colors']);
    expect(viewsOf(withAlpha(255, 255, 255))).toEqual(['colors']);
  });

  it('are two where a pixel is transparent or not, since nothing is left under what is', () => {
    expect(viewsOf(withAlpha(255, 0, 255))).toEqual(['on white', 'on black']);
  });

  it.each([1, 2, 128, 254])('are three where one pixel is transparent in part: alpha %i', (alpha) => {
    expect(viewsOf(withAlpha(255, 0, alpha))).toEqual(['colors', 'on white', 'on black']);
    expect(viewsOf(withAlpha(alpha, 255))).toEqual(['colors', 'on white', 'on black']);
  });
});

describe('the colors alone', () => {
  it('are those of every pixel, whatever its alpha', () => {
    expect(colorsOf(withAlpha(0, 1, 255))).toEqual({
      width: 3,
      height: 1,
      channels: 3,
      data: Uint8Array.of(0, 10, 20, 1, 11, 21, 2, 12, 22),
    });
  });
});

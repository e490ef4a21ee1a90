import type { Box } from './geometry.ts';

/** 8-bit pixels, interleaved, row by row from the top left: RGB, or RGBA with alpha not premultiplied. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly data: Uint8Array;
}

/** The pixels in a box of whole pixels; the same raster if these are all pixels. */
export function cropPixels(raster: Raster, { left, top, right, bottom }: Box): Raster {
  const [width, height] = [right - left, bottom - top];
  if (width === raster.width && height === raster.height) return raster;
  const { channels } = raster;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * raster.width + left) * channels;
    data.set(raster.data.subarray(from, from + width * channels), y * width * channels);
  }
  return { width, height, channels, data };
}

/** Sets the color of fully transparent pixels to black: it is invisible, but could be made visible again. */
export function clearHiddenColor({ channels, data }: Raster): void {
  if (channels !== 4) return;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] === 0) data[at] = data[at + 1] = data[at + 2] = 0;
  }
}

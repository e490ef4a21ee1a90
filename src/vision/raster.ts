import type { Box } from './geometry.ts';

/** 8-bit pixels, interleaved, row by row from the top left: RGB, or RGBA with alpha not premultiplied. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly data: Uint8Array;
}

/** The pixels within a box of whole pixels; the same raster where that is all of them. */
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

/** Sets the colour under fully transparent pixels to black: nobody sees it, and anybody could bring it back. */
export function clearHiddenColor({ channels, data }: Raster): void {
  if (channels !== 4) return;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] === 0) data[at] = data[at + 1] = data[at + 2] = 0;
  }
}

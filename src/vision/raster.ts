/** 8-bit pixels, interleaved, row by row from the top left: RGB, or RGBA with alpha not premultiplied. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly data: Uint8Array;
}

/** Sets the colour under fully transparent pixels to black: nobody sees it, and anybody could bring it back. */
export function clearHiddenColor({ channels, data }: Raster): void {
  if (channels !== 4) return;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] === 0) data[at] = data[at + 1] = data[at + 2] = 0;
  }
}

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

/** The same without its fourth channel. */
export function colorsAlone({ width, height, data }: Raster): Raster {
  const colors = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < colors.length; from += 4, to += 3) {
    colors[to] = data[from]!;
    colors[to + 1] = data[from + 1]!;
    colors[to + 2] = data[from + 2]!;
  }
  return { width, height, channels: 3, data: colors };
}

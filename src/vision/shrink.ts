import type { Size } from './geometry.ts';
import type { Raster } from './raster.ts';

/** Maximum number of pixels that are sampled along each side of a block. More would hardly change its mean. */
const SAMPLES = 2;

/**
 * Shrinks RGB pixels by averaging: each pixel of the result is the mean of some of the pixels that it covers. For faces that
 * fill much of the photo, this is as good as a longer filter, in a tenth of the time.
 */
export function shrinkByMean({ width, height, data }: Raster, size: Size): Raster {
  const shrunk = new Uint8Array(size.width * size.height * 3);
  const stepX = Math.max(1, Math.floor(width / size.width / SAMPLES));
  const stepY = Math.max(1, Math.floor(height / size.height / SAMPLES));
  const columns = Int32Array.from({ length: size.width + 1 }, (_, x) => Math.floor((x * width) / size.width));
  for (let row = 0, to = 0; row < size.height; row++) {
    const top = Math.floor((row * height) / size.height);
    const bottom = Math.max(top + 1, Math.floor(((row + 1) * height) / size.height));
    for (let column = 0; column < size.width; column++, to += 3) {
      const left = columns[column]!;
      const right = Math.max(left + 1, columns[column + 1]!);
      let red = 0;
      let green = 0;
      let blue = 0;
      let count = 0;
      for (let y = top; y < bottom; y += stepY) {
        const end = (y * width + right) * 3;
        for (let at = (y * width + left) * 3; at < end; at += 3 * stepX) {
          red += data[at]!;
          green += data[at + 1]!;
          blue += data[at + 2]!;
          count++;
        }
      }
      shrunk[to] = red / count + 0.5;
      shrunk[to + 1] = green / count + 0.5;
      shrunk[to + 2] = blue / count + 0.5;
    }
  }
  return { ...size, channels: 3, data: shrunk };
}

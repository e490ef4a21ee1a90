import type { Size } from './geometry.ts';

/** SCRFD's normalisation, (x − 127.5) / 128, for each of the 256 values (insightface, detection/scrfd). */
const NORMALIZED = Float32Array.from({ length: 256 }, (_, value) => (value - 127.5) / 128);

/** What the canvas holds where the photo does not reach: black, as in the published letterbox. */
const EMPTY = NORMALIZED[0]!;

/**
 * Interleaved 8-bit RGB pixels, `content.width × content.height × 3`, at the top left of a planar float tensor
 * [1, 3, canvas.height, canvas.width] in RGB order.
 */
export function toTensor(rgb: Uint8Array, content: Size, canvas: Size): Float32Array<ArrayBuffer> {
  const plane = canvas.width * canvas.height;
  const tensor = new Float32Array(3 * plane);
  if (content.width < canvas.width || content.height < canvas.height) tensor.fill(EMPTY);
  let source = 0;
  for (let y = 0; y < content.height; y++) {
    let target = y * canvas.width;
    for (const rowEnd = target + content.width; target < rowEnd; target++, source += 3) {
      tensor[target] = NORMALIZED[rgb[source]!]!;
      tensor[target + plane] = NORMALIZED[rgb[source + 1]!]!;
      tensor[target + 2 * plane] = NORMALIZED[rgb[source + 2]!]!;
    }
  }
  return tensor;
}

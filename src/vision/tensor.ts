import type { Size } from './geometry.ts';

/** SCRFD's normalization, (x − 127.5) / 128, for each of the 256 values (insightface, detection/scrfd). */
const NORMALIZED = Float32Array.from({ length: 256 }, (_, value) => (value - 127.5) / 128);

/** Padding of the canvas: black, as in the published letterbox. */
const EMPTY = NORMALIZED[0]!;

/**
 * Interleaved 8-bit RGB pixels, `content.width × content.height × 3`, at the top left of a planar float tensor
 * [1, 3, canvas.height, canvas.width] in RGB order.
 * @param tensor buffer for the result; its content is overwritten
 */
export function toTensor(
  rgb: Uint8Array,
  content: Size,
  canvas: Size,
  tensor = new Float32Array(3 * canvas.width * canvas.height),
): Float32Array<ArrayBuffer> {
  const plane = canvas.width * canvas.height;
  let source = 0;
  for (let y = 0; y < content.height; y++) {
    let target = y * canvas.width;
    for (const rowEnd = target + content.width; target < rowEnd; target++, source += 3) {
      tensor[target] = NORMALIZED[rgb[source]!]!;
      tensor[target + plane] = NORMALIZED[rgb[source + 1]!]!;
      tensor[target + 2 * plane] = NORMALIZED[rgb[source + 2]!]!;
    }
  }
  for (let c = 0; c < 3; c++) fillAround(tensor.subarray(c * plane, (c + 1) * plane), content, canvas);
  return tensor;
}

function fillAround(plane: Float32Array, content: Size, canvas: Size): void {
  if (content.width < canvas.width) {
    for (let y = 0; y < content.height; y++) {
      plane.fill(EMPTY, y * canvas.width + content.width, (y + 1) * canvas.width);
    }
  }
  plane.fill(EMPTY, content.height * canvas.width);
}

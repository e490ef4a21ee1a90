import type { Size } from './geometry.ts';

/** How a network wants its pixels. */
export interface PixelCoding {
  /** What stands for each of the 256 values. */
  readonly values: Float32Array;
  /** The planes of red, green and blue. */
  readonly planes: readonly [red: number, green: number, blue: number];
}

/** SCRFD's: (x − 127.5) / 128 (insightface, detection/scrfd). */
export const NORMALIZED_RGB: PixelCoding = {
  values: Float32Array.from({ length: 256 }, (_, value) => (value - 127.5) / 128),
  planes: [0, 1, 2],
};

/** YuNet's: as they are, blue first (OpenCV, FaceDetectorYN). */
export const BYTES_BGR: PixelCoding = {
  values: Float32Array.from({ length: 256 }, (_, value) => value),
  planes: [2, 1, 0],
};

/**
 * Interleaved 8-bit RGB pixels, `content.width × content.height × 3`, at the top left of a planar float tensor
 * [1, 3, canvas.height, canvas.width], the rest of which is black, as in the published letterbox.
 * @param tensor buffer for the result; its content is overwritten
 */
export function toTensor(
  rgb: Uint8Array,
  content: Size,
  canvas: Size,
  tensor = new Float32Array(3 * canvas.width * canvas.height),
  { values, planes }: PixelCoding = NORMALIZED_RGB,
): Float32Array<ArrayBuffer> {
  const plane = canvas.width * canvas.height;
  const [red, green, blue] = planes.map((index) => index * plane) as [number, number, number];
  let source = 0;
  for (let y = 0; y < content.height; y++) {
    let target = y * canvas.width;
    for (const rowEnd = target + content.width; target < rowEnd; target++, source += 3) {
      tensor[target + red] = values[rgb[source]!]!;
      tensor[target + green] = values[rgb[source + 1]!]!;
      tensor[target + blue] = values[rgb[source + 2]!]!;
    }
  }
  for (let c = 0; c < 3; c++) fillAround(tensor.subarray(c * plane, (c + 1) * plane), content, canvas, values[0]!);
  return tensor;
}

function fillAround(plane: Float32Array, content: Size, canvas: Size, black: number): void {
  if (content.width < canvas.width) {
    for (let y = 0; y < content.height; y++) {
      plane.fill(black, y * canvas.width + content.width, (y + 1) * canvas.width);
    }
  }
  plane.fill(black, content.height * canvas.width);
}

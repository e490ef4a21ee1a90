import type { Size } from './geometry.ts';

/** How a network wants its pixels. */
export interface PixelCoding {
  /** Each value, 0 to 255, becomes scale × value + offset. */
  readonly scale: number;
  readonly offset: number;
  /** The planes of red, green and blue. */
  readonly planes: readonly [red: number, green: number, blue: number];
}

/** SCRFD's: (x − 127.5) / 128 (insightface, detection/scrfd). */
export const NORMALIZED_RGB: PixelCoding = {
  scale: 1 / 128,
  offset: -127.5 / 128,
  planes: [0, 1, 2],
};

/** YuNet's: as they are, blue first (OpenCV, FaceDetectorYN). */
export const BYTES_BGR: PixelCoding = {
  scale: 1,
  offset: 0,
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
  { scale, offset, planes }: PixelCoding = NORMALIZED_RGB,
): Float32Array<ArrayBuffer> {
  const area = canvas.width * canvas.height;
  const [red, green, blue] = planes.map((index) => tensor.subarray(index * area, (index + 1) * area)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  let source = 0;
  for (let y = 0; y < content.height; y++) {
    let target = y * canvas.width;
    for (const rowEnd = target + content.width; target < rowEnd; target++, source += 3) {
      red[target] = rgb[source]! * scale + offset;
      green[target] = rgb[source + 1]! * scale + offset;
      blue[target] = rgb[source + 2]! * scale + offset;
    }
  }
  for (const plane of [red, green, blue]) fillAround(plane, content, canvas, offset);
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

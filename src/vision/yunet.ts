import type { Size } from './geometry.ts';
import {
  type Candidate,
  decodeLandmarks,
  type NetworkOutput,
  OutputShapeError,
  requireFinite,
  STRIDES,
} from './scrfd.ts';

/**
 * YuNet: A Tiny Millisecond-level Face Detector (Wu et al., Machine Intelligence Research 2023). Its outputs as OpenCV Zoo
 * and libfacedetection.train export them: for each stride whether there is a face, whether it is centered here, box and
 * landmarks.
 */
export const YUNET_OUTPUTS = ['cls', 'obj', 'bbox', 'kps'].flatMap((kind) =>
  STRIDES.map((stride) => `${kind}_${stride}`),
);

/** Columns of the outputs of each kind, in the order of the kinds. */
const COLUMNS = [1, 1, 4, 10] as const;

/**
 * Candidates on the canvas with a score of at least `threshold`, in no particular order.
 *
 * A cell at column x, row y of a stride is one row of its outputs, cells row by row. As in OpenCV's FaceDetectorYN, the score
 * is √(cls · obj), each clamped to 0 … 1; a box is the offset of its center from the cell's corner and the logarithms of its
 * width and height, and a landmark is an offset from the corner, all in strides.
 *
 * @param outputs in the order of YUNET_OUTPUTS, [rows, columns] or [1, rows, columns]
 * @throws OutputShapeError if the outputs do not fit the canvas, or hold a number that is not finite
 */
export function decodeYunet(outputs: readonly NetworkOutput[], canvas: Size, threshold: number): Candidate[] {
  return STRIDES.flatMap((stride, level) => {
    const [cls, obj, bbox, kps] = COLUMNS.map((columns, kind) =>
      dataOf(outputs[kind * STRIDES.length + level]!, columns, stride, canvas),
    ) as [Float32Array, Float32Array, Float32Array, Float32Array];
    const columns = Math.ceil(canvas.width / stride);
    const found: Candidate[] = [];
    for (let row = 0; row < cls.length; row++) {
      const score = Math.sqrt(clamp(cls[row]!) * clamp(obj[row]!));
      // Written so that NaN comes through to the check below: a broken network must not look like an empty photo.
      if (score < threshold) continue;
      const x = (row % columns) * stride;
      const y = Math.floor(row / columns) * stride;
      const center = { x: x + bbox[row * 4]! * stride, y: y + bbox[row * 4 + 1]! * stride };
      const halfWidth = (Math.exp(bbox[row * 4 + 2]!) * stride) / 2;
      const halfHeight = (Math.exp(bbox[row * 4 + 3]!) * stride) / 2;
      const box = {
        left: center.x - halfWidth,
        top: center.y - halfHeight,
        right: center.x + halfWidth,
        bottom: center.y + halfHeight,
      };
      found.push(requireFinite({ score, box, landmarks: decodeLandmarks(kps, row * 10, x, y, stride) }));
    }
    return found;
  });
}

function clamp(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}

function dataOf({ dims, data }: NetworkOutput, columns: number, stride: number, { width, height }: Size): Float32Array {
  const rows = Math.ceil(width / stride) * Math.ceil(height / stride);
  const fits = dims.at(-1) === columns && dims.at(-2) === rows && data.length === rows * columns;
  if (!fits) {
    throw new OutputShapeError(
      `its output of stride ${stride} for ${width}×${height} pixels is [${dims.join(', ')}], not [${rows}, ${columns}]`,
    );
  }
  return data;
}

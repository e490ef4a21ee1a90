import type { Box, Point, Size } from './geometry.ts';

/** Sample and Computation Redistribution for Efficient Face Detection (Guo et al., arXiv 2105.04714). */
export const STRIDES = [8, 16, 32] as const;

/** Subject's features as seen in the image: left eye, right eye, nose, left and right corner of the mouth. */
export type Landmarks = readonly [Point, Point, Point, Point, Point];

export interface Candidate {
  readonly box: Box;
  readonly score: number;
  readonly landmarks: Landmarks | null;
}

/** One output of the network: [N, C] or [1, N, C], row-major. */
export interface NetworkOutput {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** The network's outputs are not those of an SCRFD detector. */
export class OutputShapeError extends Error {
  override readonly name = 'OutputShapeError';
}

interface Level {
  readonly stride: number;
  readonly scores: Float32Array;
  readonly distances: Float32Array;
  readonly offsets: Float32Array | null;
  readonly anchorsPerCell: number;
}

/**
 * Candidates on the canvas with a score of at least `threshold`, in no particular order.
 *
 * A cell at column x, row y of a level has its centre at (x·stride, y·stride) and one or more anchors, one row of
 * the outputs each, cells row by row. As published (insightface `distance2bbox`, `distance2kps`), a box is the
 * distances left, top, right, bottom from the centre, and a landmark an offset, all in strides.
 *
 * @throws OutputShapeError if the outputs do not fit the canvas, or hold a number that is not finite.
 */
export function decodeCandidates(outputs: readonly NetworkOutput[], canvas: Size, threshold: number): Candidate[] {
  return toLevels(outputs, canvas).flatMap((level) => decodeLevel(level, canvas, threshold));
}

/** Outputs are told apart by their last dimension (1 score, 4 distances, 10 offsets) and, within a kind, by order. */
function toLevels(outputs: readonly NetworkOutput[], canvas: Size): Level[] {
  const [scores, distances, offsets] = [1, 4, 10].map((channels) =>
    outputs.filter((output) => output.dims.at(-1) === channels),
  ) as [NetworkOutput[], NetworkOutput[], NetworkOutput[]];
  const expected = STRIDES.length;
  if (scores.length !== expected || distances.length !== expected || ![0, expected].includes(offsets.length)) {
    const shapes = outputs.map(({ dims }) => `[${dims.join(',')}]`).join(' ');
    throw new OutputShapeError(`expected scores, boxes and perhaps landmarks at ${expected} strides, got ${shapes}`);
  }
  return STRIDES.map((stride, index) => {
    const cells = Math.ceil(canvas.width / stride) * Math.ceil(canvas.height / stride);
    const anchorsPerCell = scores[index]!.data.length / cells;
    const level = {
      stride,
      scores: scores[index]!.data,
      distances: distances[index]!.data,
      offsets: offsets[index]?.data ?? null,
      anchorsPerCell,
    };
    const rows = level.scores.length;
    if (
      !Number.isInteger(anchorsPerCell) ||
      anchorsPerCell < 1 ||
      level.distances.length !== rows * 4 ||
      (level.offsets !== null && level.offsets.length !== rows * 10)
    ) {
      throw new OutputShapeError(
        `${rows} scores at stride ${stride} do not fit a canvas of ${canvas.width}×${canvas.height}`,
      );
    }
    return level;
  });
}

function decodeLevel(level: Level, canvas: Size, threshold: number): Candidate[] {
  const { stride, scores, distances, offsets, anchorsPerCell } = level;
  const columns = Math.ceil(canvas.width / stride);
  const found: Candidate[] = [];
  for (let row = 0; row < scores.length; row++) {
    const score = scores[row]!;
    // Written so that NaN comes through to the check below: a broken network must not look like an empty photo.
    if (score < threshold) continue;
    const cell = Math.floor(row / anchorsPerCell);
    const x = (cell % columns) * stride;
    const y = Math.floor(cell / columns) * stride;
    const candidate: Candidate = {
      score,
      box: {
        left: x - distances[row * 4]! * stride,
        top: y - distances[row * 4 + 1]! * stride,
        right: x + distances[row * 4 + 2]! * stride,
        bottom: y + distances[row * 4 + 3]! * stride,
      },
      landmarks: offsets && decodeLandmarks(offsets, row * 10, x, y, stride),
    };
    if (!isFinite(candidate)) throw new OutputShapeError(`the network returned a number that is not finite`);
    found.push(candidate);
  }
  return found;
}

function decodeLandmarks(offsets: Float32Array, at: number, x: number, y: number, stride: number): Landmarks {
  const point = (index: number): Point => ({
    x: x + offsets[at + 2 * index]! * stride,
    y: y + offsets[at + 2 * index + 1]! * stride,
  });
  return [point(0), point(1), point(2), point(3), point(4)];
}

function isFinite({ score, box, landmarks }: Candidate): boolean {
  const numbers = [score, box.left, box.top, box.right, box.bottom, ...(landmarks ?? []).flatMap(({ x, y }) => [x, y])];
  return numbers.every(Number.isFinite);
}

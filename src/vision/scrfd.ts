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

/** The network's outputs are not those of a detector of its kind. */
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
 * A cell at column x, row y of a level has its center at (x·stride, y·stride) and one or more anchors, one row of
 * the outputs each, cells row by row. As published (insightface `distance2bbox`, `distance2kps`), a box is the
 * distances left, top, right, bottom from the center, and a landmark an offset, all in strides.
 *
 * @throws OutputShapeError if the outputs do not fit the canvas, or hold a number that is not finite.
 */
export function decodeCandidates(outputs: readonly NetworkOutput[], canvas: Size, threshold: number): Candidate[] {
  return outputLevels(outputs, canvas).flatMap((level) => decodeLevel(level, canvas, threshold));
}

/** Columns of the outputs of each kind: a score, the distances of a box, the offsets of five landmarks. */
const COLUMNS = { scores: 1, distances: 4, offsets: 10 } as const;

/**
 * The outputs of an SCRFD network by stride: for each of the strides 8, 16 and 32, in this order, scores [rows, 1],
 * distances [rows, 4] and, if the network has landmarks, offsets [rows, 10], with or without a leading 1, a row per anchor.
 * The kinds differ in their columns and may be in any order.
 *
 * @throws OutputShapeError with the shapes that were found
 */
function outputLevels(outputs: readonly NetworkOutput[], canvas: Size): Level[] {
  const shapes = outputs.map(({ dims }) => `[${dims.join(', ')}]`).join(' ');
  const found = `its outputs for ${canvas.width}×${canvas.height} pixels are ${shapes || 'none'}`;
  const kind = (columns: number) => outputs.filter(({ dims }) => dims.at(-1) === columns);
  const [scores, distances, offsets] = [kind(COLUMNS.scores), kind(COLUMNS.distances), kind(COLUMNS.offsets)];
  const isComplete =
    outputs.length === scores.length + distances.length + offsets.length &&
    outputs.every(({ dims }) => dims.length === 2 || (dims.length === 3 && dims[0] === 1)) &&
    [scores, distances].every(({ length }) => length === STRIDES.length) &&
    [0, STRIDES.length].includes(offsets.length);
  if (!isComplete) {
    throw new OutputShapeError(`${found}, not three each of [rows, 1], [rows, 4] and perhaps [rows, 10]`);
  }
  const cells = STRIDES.map((stride) => Math.ceil(canvas.width / stride) * Math.ceil(canvas.height / stride));
  const anchorsPerCell = scores[0]!.data.length / cells[0]!;
  const fits = [scores, distances, offsets].every((outputsOfKind) =>
    outputsOfKind.every(({ dims }, level) => dims.at(-2) === cells[level]! * anchorsPerCell),
  );
  if (!fits || !Number.isInteger(anchorsPerCell) || anchorsPerCell === 0) {
    throw new OutputShapeError(
      `${found}, not the same number of anchors in each cell of the strides 8, 16, 32, in this order`,
    );
  }
  return STRIDES.map((stride, level) => ({
    stride,
    scores: scores[level]!.data,
    distances: distances[level]!.data,
    offsets: offsets[level]?.data ?? null,
    anchorsPerCell,
  }));
}

function decodeLevel(level: Level, canvas: Size, threshold: number): Candidate[] {
  const { stride, scores, distances, offsets, anchorsPerCell } = level;
  const columns = Math.ceil(canvas.width / stride);
  const found: Candidate[] = [];
  for (let row = 0; row < scores.length; row++) {
    const score = scores[row]!;
    // NaN passes this comparison and reaches the check below: a broken network must not look like an empty photo.
    if (score < threshold) continue;
    const cell = Math.floor(row / anchorsPerCell);
    const x = (cell % columns) * stride;
    const y = Math.floor(cell / columns) * stride;
    const box = {
      left: x - distances[row * 4]! * stride,
      top: y - distances[row * 4 + 1]! * stride,
      right: x + distances[row * 4 + 2]! * stride,
      bottom: y + distances[row * 4 + 3]! * stride,
    };
    const landmarks = offsets && decodeLandmarks(offsets, row * 10, x, y, stride);
    found.push(requireFinite({ score, box, landmarks }));
  }
  return found;
}

/** Five points whose offsets from (x, y) start at an index, in strides. */
export function decodeLandmarks(offsets: Float32Array, at: number, x: number, y: number, stride: number): Landmarks {
  const point = (index: number): Point => ({
    x: x + offsets[at + 2 * index]! * stride,
    y: y + offsets[at + 2 * index + 1]! * stride,
  });
  return [point(0), point(1), point(2), point(3), point(4)];
}

/** @throws OutputShapeError */
export function requireFinite(candidate: Candidate): Candidate {
  const { score, box, landmarks } = candidate;
  const numbers = [score, box.left, box.top, box.right, box.bottom, ...(landmarks ?? []).flatMap(({ x, y }) => [x, y])];
  if (!numbers.every(Number.isFinite)) {
    throw new OutputShapeError('the network returned a number that is not finite');
  }
  return candidate;
}

import { type Box, clipBox, type Point, type Size } from './geometry.ts';
import type { Letterbox } from './letterbox.ts';
import { suppressOverlaps } from './nms.ts';
import type { Candidate, Landmarks } from './scrfd.ts';

export interface SelectionOptions {
  /** Overlap (IoU) above which the weaker of two boxes is dropped. */
  readonly nmsThreshold: number;
  /** Shortest side in pixels of the photo below which a face is dropped. */
  readonly minFaceSize: number;
  /** The best so many are kept. */
  readonly maxFaces: number;
}

/** Canvas coordinates turned into those of the photo. */
export function toPhoto(candidate: Candidate, { scaleX, scaleY }: Letterbox): Candidate {
  const point = ({ x, y }: Point): Point => ({ x: x / scaleX, y: y / scaleY });
  const { box, landmarks, score } = candidate;
  return {
    score,
    box: { left: box.left / scaleX, top: box.top / scaleY, right: box.right / scaleX, bottom: box.bottom / scaleY },
    landmarks: landmarks && (landmarks.map(point) as unknown as Landmarks),
  };
}

/**
 * Suppression compares each with each: beyond this many, a low threshold on a large canvas would hold a thread for many
 * seconds. Far more than the faces of any photo, since each face has a handful of candidates.
 */
const MAX_CANDIDATES = 5000;

/** One detection per face, clipped to the photo, best first. Boxes with nothing inside the photo are dropped. */
export function selectFaces(candidates: readonly Candidate[], photo: Size, options: SelectionOptions): Candidate[] {
  const faces = suppressOverlaps(strongest(candidates), options.nmsThreshold)
    .map((candidate) => ({ ...candidate, box: clipBox(candidate.box, photo) }))
    .filter(({ box }) => shortSide(box) > 0);
  return chooseFaces(faces, options);
}

/**
 * Those of the faces that are large enough, and of them the best so many.
 * @param faces best first
 */
export function chooseFaces<Face extends { readonly box: Box }>(
  faces: readonly Face[],
  { minFaceSize, maxFaces }: Pick<SelectionOptions, 'minFaceSize' | 'maxFaces'>,
): Face[] {
  return faces.filter(({ box }) => shortSide(box) >= minFaceSize).slice(0, maxFaces);
}

function shortSide({ left, top, right, bottom }: Box): number {
  return Math.min(right - left, bottom - top);
}

function strongest(candidates: readonly Candidate[]): readonly Candidate[] {
  if (candidates.length <= MAX_CANDIDATES) return candidates;
  return candidates.toSorted((a, b) => b.score - a.score).slice(0, MAX_CANDIDATES);
}

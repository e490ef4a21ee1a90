import { type Box, iou } from './geometry.ts';

interface Scored {
  readonly box: Box;
  readonly score: number;
}

/**
 * Greedy non-maximum suppression: highest score first, each drops the later ones that overlap it by more than
 * `maxIou`. The result is sorted by score, descending.
 */
export function suppressOverlaps<Detection extends Scored>(
  detections: readonly Detection[],
  maxIou: number,
): Detection[] {
  const kept: Detection[] = [];
  for (const detection of detections.toSorted((a, b) => b.score - a.score)) {
    if (kept.every((better) => iou(better.box, detection.box) <= maxIou)) kept.push(detection);
  }
  return kept;
}

/**
 * Suppression compares all pairs. Without this limit, a low threshold on a large canvas would block a thread for many
 * seconds. It is far more than the faces of any photo; each face has a few candidates.
 */
const MAX_CANDIDATES = 5000;

/** The best candidates, limited to a number that can be suppressed quickly. */
export function strongest<Detection extends Scored>(candidates: readonly Detection[]): readonly Detection[] {
  if (candidates.length <= MAX_CANDIDATES) return candidates;
  return candidates.toSorted((a, b) => b.score - a.score).slice(0, MAX_CANDIDATES);
}

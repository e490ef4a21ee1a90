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

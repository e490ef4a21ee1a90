import { type Box, iou } from '../vision/geometry.ts';

/**
 * The evaluation of WIDER FACE (Yang, Luo, Loy, Tang: WIDER FACE: A Face Detection Benchmark, CVPR 2016): that of PASCAL
 * VOC with ignored faces. Pure functions on boxes and scores.
 */

/** Minimum overlap (intersection over union) of a detection with the face that it finds. */
export const MATCH_IOU = 0.5;

export interface ScoredBox {
  readonly box: Box;
  readonly score: number;
}

/** Verdict on a detection: the face that it is the first to find, or null for a false alarm. */
export interface Verdict {
  readonly score: number;
  /** Index among the photo's boxes. */
  readonly face: number | null;
}

/** Precision and recall, 0 to 1, when only detections with a score of at least `threshold` are taken. */
export interface OperatingPoint {
  readonly threshold: number;
  readonly precision: number;
  readonly recall: number;
  readonly correct: number;
  readonly wrong: number;
}

/**
 * Judges the detections of one photo, best first. Each is compared with the box that it overlaps most. The first detection
 * that overlaps it enough finds the face. Later ones are false alarms, and so are detections that overlap no box enough.
 * A detection that overlaps an ignored box gets no verdict.
 *
 * A verdict does not depend on detections with lower scores, so the verdicts are valid for all thresholds.
 *
 * @param boxes all labeled faces of the photo
 * @param counted indices of those that count; the others are ignored
 */
export function judgeDetections(
  detections: readonly ScoredBox[],
  boxes: readonly Box[],
  counted: ReadonlySet<number>,
): Verdict[] {
  const found = new Set<number>();
  const verdicts: Verdict[] = [];
  for (const { box, score } of detections.toSorted((a, b) => b.score - a.score)) {
    const best = mostOverlapped(box, boxes);
    if (best === null) {
      verdicts.push({ score, face: null });
    } else if (counted.has(best)) {
      verdicts.push({ score, face: found.has(best) ? null : best });
      found.add(best);
    }
  }
  return verdicts;
}

function mostOverlapped(box: Box, candidates: readonly Box[]): number | null {
  let best: number | null = null;
  let bestIou = 0;
  for (const [index, candidate] of candidates.entries()) {
    const overlap = iou(box, candidate);
    if (overlap >= MATCH_IOU && overlap > bestIou) [best, bestIou] = [index, overlap];
  }
  return best;
}

/**
 * One point for each distinct score, highest first, over the verdicts of all photos. Detections with the same score share
 * a point, so that the order of the photos does not matter.
 *
 * @param faces number of faces that count in all photos
 */
export function precisionRecallCurve(verdicts: readonly Verdict[], faces: number): OperatingPoint[] {
  const sorted = verdicts.toSorted((a, b) => b.score - a.score);
  const curve: OperatingPoint[] = [];
  let correct = 0;
  for (const [index, { score, face }] of sorted.entries()) {
    if (face !== null) correct++;
    if (sorted[index + 1]?.score === score) continue;
    const taken = index + 1;
    curve.push({
      threshold: score,
      precision: correct / taken,
      recall: faces > 0 ? correct / faces : 0,
      correct,
      wrong: taken - correct,
    });
  }
  return curve;
}

/**
 * The area under the interpolated curve, 0 to 1: at each recall, the best precision at that recall or a higher one
 * (all points, as PASCAL VOC since 2010).
 */
export function averagePrecision(curve: readonly OperatingPoint[]): number {
  let area = 0;
  let bestPrecision = 0;
  for (const [index, { precision, recall }] of [...curve.entries()].reverse()) {
    bestPrecision = Math.max(bestPrecision, precision);
    area += (recall - (curve[index - 1]?.recall ?? 0)) * bestPrecision;
  }
  return area;
}

/** The point of the curve at a threshold. Without detections, precision is 1. */
export function pointAtThreshold(curve: readonly OperatingPoint[], threshold: number): OperatingPoint {
  const point = curve.findLast((candidate) => candidate.threshold >= threshold);
  return { precision: 1, recall: 0, correct: 0, wrong: 0, ...point, threshold };
}

/** The lowest threshold, and so the highest recall, with at least that precision; null if there is none. */
export function pointAtPrecision(curve: readonly OperatingPoint[], precision: number): OperatingPoint | null {
  return curve.findLast((point) => point.precision >= precision) ?? null;
}

/** The first and the last point in each `step` of recall, which is enough for a drawing. */
export function thinCurve(curve: readonly OperatingPoint[], step: number): OperatingPoint[] {
  const stepOf = (point: OperatingPoint | undefined) => point && Math.floor(point.recall / step);
  return curve.filter((point, index) =>
    [curve[index - 1], curve[index + 1]].some((neighbor) => stepOf(neighbor) !== stepOf(point)),
  );
}

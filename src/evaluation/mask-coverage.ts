import { boxArea, clipBox, grow, longerSide } from '../vision/geometry.ts';
import { COVERED, coverage, coveredShare, type MaskOptions, planMask } from '../vision/mask.ts';
import type { MeasuredPhoto } from './measure.ts';

/** Longer side in pixels of the photo of the smallest face that has to be masked. */
export const SMALLEST_TO_MASK = 16;

/** What the masks of the detections cover */
export interface MaskFigures {
  /** Minimum score of a face that is masked */
  readonly threshold: number;
  /** Labeled faces of at least SMALLEST_TO_MASK that count at the last level */
  readonly faces: number;
  /** Of these, the faces that are masked to a share of COVERED or more */
  readonly covered: number;
  /** Share of all pixels that are masked outside the padded boxes of all labeled faces, 0 to 1. */
  readonly needlessShare: number;
}

/** How faces are masked, with the margin as a share of the smallest face that can be expected to be found. */
export interface EvaluatedMasks extends MaskOptions {
  readonly margin: number;
}

/** @param thresholds minimum scores of a face that is masked, one result each */
export function measureMasks(
  measured: readonly MeasuredPhoto[],
  thresholds: readonly number[],
  options: EvaluatedMasks,
): MaskFigures[] {
  const sums = thresholds.map((threshold) => ({ threshold, covered: 0, needless: 0 }));
  let [faces, pixels] = [0, 0];
  for (const { photo, image, faces: found, smallestFace } of measured) {
    const labeled = photo.boxes.filter((box) => boxArea(box) > 0);
    const wanted = coverage(planMask(labeled, [], { ...options, shape: 'box' }), image);
    const toMask = [...photo.counted.at(-1)!]
      .map((face) => clipBox(photo.boxes[face]!, image))
      .filter((box) => boxArea(box) > 0 && longerSide(box) >= SMALLEST_TO_MASK);
    faces += toMask.length;
    pixels += image.width * image.height;
    for (const sum of sums) {
      const boxes = found
        .filter(({ score }) => score >= sum.threshold)
        .map(({ box }) => grow(box, options.margin * smallestFace));
      const masked = coverage(planMask(boxes, [], options), image);
      sum.covered += toMask.filter((box) => coveredShare(masked, box, image) >= COVERED).length;
      sum.needless += masked.reduce((count, isMasked, at) => (isMasked && !wanted[at] ? count + 1 : count), 0);
    }
  }
  return sums.map(({ threshold, covered, needless }) => ({
    threshold,
    faces,
    covered,
    needlessShare: pixels > 0 ? needless / pixels : 0,
  }));
}

import { boxArea, clipBox, longerSide } from '../vision/geometry.ts';
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

export function measureMasks(measured: readonly MeasuredPhoto[], threshold: number, options: MaskOptions): MaskFigures {
  let [faces, covered, needless, pixels] = [0, 0, 0, 0];
  for (const { photo, image, faces: found } of measured) {
    const boxes = found.filter(({ score }) => score >= threshold).map(({ box }) => box);
    const masked = coverage(planMask(boxes, [], options), image);
    const wanted = coverage(
      planMask(
        photo.boxes.filter((box) => boxArea(box) > 0),
        [],
        { ...options, shape: 'box' },
      ),
      image,
    );
    const toMask = [...photo.counted.at(-1)!]
      .map((face) => clipBox(photo.boxes[face]!, image))
      .filter((box) => boxArea(box) > 0 && longerSide(box) >= SMALLEST_TO_MASK);
    faces += toMask.length;
    covered += toMask.filter((box) => coveredShare(masked, box, image) >= COVERED).length;
    needless += masked.reduce((sum, isMasked, at) => (isMasked && !wanted[at] ? sum + 1 : sum), 0);
    pixels += image.width * image.height;
  }
  return { threshold, faces, covered, needlessShare: pixels > 0 ? needless / pixels : 0 };
}

import type { Dataset, LabeledPhoto } from './dataset.ts';
import {
  averagePrecision,
  judgeDetections,
  type OperatingPoint,
  pointAtPrecision,
  pointAtThreshold,
  precisionRecallCurve,
  type Verdict,
} from './matching.ts';
import { type EvaluatedMasks, type MaskFigures, measureMasks } from './mask-coverage.ts';
import type { MeasuredPhoto } from './measure.ts';

/** Thresholds to which the masking of doubtful faces may be extended */
const REVIEW_THRESHOLDS = [0.3, 0.2, 0.15, 0.1, 0.05];

/** The precision for which a threshold is chosen */
export const WANTED_PRECISION = 0.95;

/** Results of a detector for one level of difficulty */
export interface LevelFigures {
  readonly level: string;
  /** Number of faces that count */
  readonly faces: number;
  /** Null if there are no faces. */
  readonly averagePrecision: number | null;
  readonly atDefaultThreshold: OperatingPoint;
  /** The lowest threshold with WANTED_PRECISION; null if there is none. */
  readonly atWantedPrecision: OperatingPoint | null;
  /** By descending threshold; see precisionRecallCurve. */
  readonly curve: readonly OperatingPoint[];
}

/** Number of faces of a size, and how many of them are found. */
export interface SizeFigures {
  /** Height in pixels of the photo: at least `from`, less than `to` (null: any). */
  readonly from: number;
  readonly to: number | null;
  readonly faces: number;
  readonly foundAtDefaultThreshold: number;
  readonly foundAtLowThreshold: number;
}

export interface Figures {
  readonly levels: readonly LevelFigures[];
  /** For the faces of the last level, which has the most */
  readonly sizes: readonly SizeFigures[];
  /** Coverage of the masks at the default threshold and at those of REVIEW_THRESHOLDS */
  readonly masks: readonly MaskFigures[];
  readonly msPerPhoto: number;
  /** Mean per stage, in the order in which the stages run */
  readonly stagesMs: Readonly<Record<string, number>>;
}

/** @param defaultThreshold threshold for precision and recall; not lower than that of the detections */
export function toFigures(
  levels: Dataset['levels'],
  measured: readonly MeasuredPhoto[],
  defaultThreshold: number,
  mask: EvaluatedMasks,
): Figures {
  const judged = levels.map((_, level) => measured.map((photo) => judge(photo, level)));
  const stagesMs = meanByStage(measured);
  return {
    levels: levels.map((name, level) => toLevelFigures(name, judged[level]!, defaultThreshold)),
    sizes: toSizeFigures(judged.at(-1) ?? [], defaultThreshold),
    masks: measureMasks(measured, [defaultThreshold, ...REVIEW_THRESHOLDS], mask),
    msPerPhoto: Object.values(stagesMs).reduce((sum, ms) => sum + ms, 0),
    stagesMs,
  };
}

interface JudgedPhoto {
  readonly boxes: LabeledPhoto['boxes'];
  readonly counted: ReadonlySet<number>;
  readonly verdicts: readonly Verdict[];
}

function judge({ photo, faces }: MeasuredPhoto, level: number): JudgedPhoto {
  const counted = photo.counted[level]!;
  return { boxes: photo.boxes, counted, verdicts: judgeDetections(faces, photo.boxes, counted) };
}

function toLevelFigures(level: string, judged: readonly JudgedPhoto[], defaultThreshold: number): LevelFigures {
  const faces = judged.reduce((sum, { counted }) => sum + counted.size, 0);
  const curve = precisionRecallCurve(
    judged.flatMap(({ verdicts }) => verdicts),
    faces,
  );
  return {
    level,
    faces,
    averagePrecision: faces > 0 ? averagePrecision(curve) : null,
    atDefaultThreshold: pointAtThreshold(curve, defaultThreshold),
    atWantedPrecision: pointAtPrecision(curve, WANTED_PRECISION),
    curve,
  };
}

const SIZE_STEPS = [0, 8, 16, 32, 64, 128];

function toSizeFigures(judged: readonly JudgedPhoto[], defaultThreshold: number): SizeFigures[] {
  const heights: number[] = [];
  const found: { height: number; score: number }[] = [];
  for (const { boxes, counted, verdicts } of judged) {
    const heightOf = (face: number) => boxes[face]!.bottom - boxes[face]!.top;
    for (const face of counted) heights.push(heightOf(face));
    for (const { face, score } of verdicts) if (face !== null) found.push({ height: heightOf(face), score });
  }
  return SIZE_STEPS.map((from, index) => {
    const to = SIZE_STEPS[index + 1] ?? null;
    const isOfSize = (height: number) => height >= from && height < (to ?? Infinity);
    const foundOfSize = found.filter(({ height }) => isOfSize(height));
    return {
      from,
      to,
      faces: heights.filter(isOfSize).length,
      foundAtDefaultThreshold: foundOfSize.filter(({ score }) => score >= defaultThreshold).length,
      foundAtLowThreshold: foundOfSize.length,
    };
  });
}

function meanByStage(measured: readonly MeasuredPhoto[]): Record<string, number> {
  const means: Record<string, number> = {};
  for (const { timings } of measured) {
    for (const [stage, ms] of Object.entries(timings)) means[stage] = (means[stage] ?? 0) + ms / measured.length;
  }
  return means;
}

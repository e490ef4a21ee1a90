import type { MaskOptions } from '../vision/mask.ts';
import type { Dataset, LabelledPhoto } from './dataset.ts';
import {
  averagePrecision,
  judgeDetections,
  type OperatingPoint,
  pointAtPrecision,
  pointAtThreshold,
  precisionRecallCurve,
  type Verdict,
} from './matching.ts';
import { type MaskFigures, measureMasks } from './mask-coverage.ts';
import type { MeasuredPhoto } from './measure.ts';

/** The precision at which a threshold for production is chosen. */
export const WANTED_PRECISION = 0.95;

/** How well a detector does on the faces of one level of difficulty. */
export interface LevelFigures {
  readonly level: string;
  /** How many faces count. */
  readonly faces: number;
  /** Null where there are no faces. */
  readonly averagePrecision: number | null;
  readonly atDefaultThreshold: OperatingPoint;
  /** The lowest threshold with WANTED_PRECISION; null if none has it. */
  readonly atWantedPrecision: OperatingPoint | null;
  /** By falling threshold; see precisionRecallCurve. */
  readonly curve: readonly OperatingPoint[];
}

/** How many of the faces of a size are found. */
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
  /** Of the faces that count at the last level, the widest choice. */
  readonly sizes: readonly SizeFigures[];
  /** What the masks of detections at the default threshold cover. */
  readonly masks: MaskFigures;
  readonly msPerPhoto: number;
  /** The mean by stage, in the order in which the stages run. */
  readonly stagesMs: Readonly<Record<string, number>>;
}

/** @param defaultThreshold that of production, at which precision and recall are taken; at least that of the detections */
export function toFigures(
  levels: Dataset['levels'],
  measured: readonly MeasuredPhoto[],
  defaultThreshold: number,
  mask: MaskOptions,
): Figures {
  const judged = levels.map((_, level) => measured.map((photo) => judge(photo, level)));
  const stagesMs = meanByStage(measured);
  return {
    levels: levels.map((name, level) => toLevelFigures(name, judged[level]!, defaultThreshold)),
    sizes: toSizeFigures(judged.at(-1) ?? [], defaultThreshold),
    masks: measureMasks(measured, defaultThreshold, mask),
    msPerPhoto: Object.values(stagesMs).reduce((sum, ms) => sum + ms, 0),
    stagesMs,
  };
}

interface JudgedPhoto {
  readonly boxes: LabelledPhoto['boxes'];
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

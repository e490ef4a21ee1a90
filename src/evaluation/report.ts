import type { ResolvedModel } from '../models/model-files.ts';
import type { RecallLevel } from '../vision/looks.ts';
import { type Figures, type LevelFigures, type SizeFigures, WANTED_PRECISION } from './figures.ts';
import { COVERED } from '../vision/mask.ts';
import { type MaskFigures, SMALLEST_TO_MASK } from './mask-coverage.ts';
import { MATCH_IOU, type OperatingPoint, thinCurve } from './matching.ts';

/** What was measured and how; figures are comparable only under the same conditions. */
export interface Conditions {
  readonly dataset: string;
  readonly photos: number;
  readonly model: Pick<ResolvedModel, 'name' | 'sha256' | 'license' | 'bytes'>;
  /** At recall max alone; null: none. */
  readonly secondModel: Pick<ResolvedModel, 'name' | 'sha256'> | null;
  /** Long side of the network's canvas in pixels. */
  readonly inputSize: number;
  readonly recall: RecallLevel;
  readonly largeFaces: boolean;
  readonly nmsThreshold: number;
  readonly defaultThreshold: number;
  readonly lowThreshold: number;
  readonly threads: number;
}

/** The figures as text, in tables of fixed width. */
export function toText(conditions: Conditions, figures: Figures): string {
  const { dataset, photos, model, secondModel, inputSize, lowThreshold, threads } = conditions;
  const widest = figures.levels.at(-1)!.level;
  return [
    `${model.name}, SHA-256 ${model.sha256}`,
    ...(secondModel ? [`and ${secondModel.name}, SHA-256 ${secondModel.sha256}`] : []),
    `${photos} photos of ${dataset}, long side ${inputSize} pixels, ${looks(conditions)}, ${counted(threads, 'thread')}`,
    '',
    ...table(levelRows(conditions, figures.levels)),
    '',
    `Recall by height of the face in pixels of the photo (faces of the level "${widest}"):`,
    ...table(sizeRows(conditions, figures.sizes)),
    '',
    `Faces of ${SMALLEST_TO_MASK} pixels and more that masks cover by ${share(COVERED, 2)} or more, and pixels masked for nothing`,
    ...table(maskRows(figures.masks)),
    '',
    // The low threshold leaves many more candidates to select from than the default.
    `${figures.msPerPhoto.toFixed(1)} ms per photo, selecting from score ${share(lowThreshold, 2)}: ${Object.entries(
      figures.stagesMs,
    )
      .map(([stage, ms]) => `${stage} ${ms.toFixed(1)}`)
      .join(' + ')}`,
    '',
  ].join('\n');
}

/** The figures as JSON. Curves are thinned to steps of a hundredth of recall. */
export function toJson(conditions: Conditions, figures: Figures): string {
  const levels = figures.levels.map((level) => ({ ...level, curve: thinCurve(level.curve, 1 / 100) }));
  const report = { ...conditions, matchIou: MATCH_IOU, wantedPrecision: WANTED_PRECISION, ...figures, levels };
  return `${JSON.stringify(report, null, 2)}\n`;
}

export function looks({ recall, largeFaces }: Pick<Conditions, 'recall' | 'largeFaces'>): string {
  return `recall ${recall}${largeFaces ? '' : ' without the small look'}`;
}

function levelRows({ defaultThreshold }: Conditions, levels: readonly LevelFigures[]): string[][] {
  const at = `at ${share(defaultThreshold, 2)}`;
  const wanted = share(WANTED_PRECISION, 2);
  return [
    ['level', 'faces', 'AP', `precision ${at}`, 'recall', 'wrong', `precision ${wanted} from score`, 'recall'],
    ...levels.map(({ level, faces, averagePrecision, atDefaultThreshold: point, atWantedPrecision }) => [
      level,
      String(faces),
      averagePrecision === null ? NONE : share(averagePrecision),
      share(point.precision),
      share(point.recall),
      String(point.wrong),
      thresholdOf(atWantedPrecision),
      atWantedPrecision === null ? NONE : share(atWantedPrecision.recall),
    ]),
  ];
}

function thresholdOf(point: OperatingPoint | null): string {
  return point === null ? 'none' : share(point.threshold);
}

function sizeRows({ defaultThreshold, lowThreshold }: Conditions, sizes: readonly SizeFigures[]): string[][] {
  return [
    ['height', 'faces', `at ${share(defaultThreshold, 2)}`, `at ${share(lowThreshold, 2)}`],
    ...sizes
      .filter(({ faces }) => faces > 0)
      .map(({ from, to, faces, foundAtDefaultThreshold, foundAtLowThreshold }) => [
        to === null ? `over ${from}` : `${from} to ${to}`,
        String(faces),
        share(foundAtDefaultThreshold / faces),
        share(foundAtLowThreshold / faces),
      ]),
  ];
}

function maskRows(masks: readonly MaskFigures[]): string[][] {
  return [
    ['from score', 'covered', 'of', 'needless'],
    ...masks.map(({ threshold, covered, faces, needlessShare }) => [
      share(threshold, 2),
      String(covered),
      String(faces),
      `${(100 * needlessShare).toFixed(2)} %`,
    ]),
  ];
}

const NONE = '–';

/** 0.5 as ".500", as usual in publications. */
function share(value: number, digits = 3): string {
  return value.toFixed(digits).replace(/^0(?=\.)/, '');
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The first column is aligned to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  '),
  );
}

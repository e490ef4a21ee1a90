import { writeFile } from 'node:fs/promises';
import { readConfiguration } from '../config/configuration.ts';
import { Detector } from '../inference/worker/detector.ts';
import { resolveModel } from '../models/model-files.ts';
import type { RecallLevel } from '../vision/looks.ts';
import { type Dataset, readDataset } from './dataset.ts';
import { toFigures } from './figures.ts';
import { detectAll, type MeasuredPhoto } from './measure.ts';
import { drawCurves } from './plot.ts';
import { type Conditions, looks, toJson, toText } from './report.ts';

/** The defaults of the service, independent of the environment, so that figures of different machines are comparable. */
export const defaults = readConfiguration({});

/** The default masks of the service */
const { shape, padding, margin } = defaults.masking;
const MASK = { shape, padding, margin };

export interface EvaluationOptions {
  readonly dataset: string;
  readonly model: string;
  readonly secondModel?: string;
  readonly inputSize: number;
  readonly recall: RecallLevel;
  readonly largeFaces: boolean;
  readonly threshold: number;
  readonly threads: number;
  readonly limit: number;
  readonly json?: string;
  readonly svg?: string;
}

export interface Progress {
  start(total: number, startValue: number): void;
  increment(): void;
  stop(): void;
}

/** Measures a model on labeled photos, writes the requested files, and returns the report. */
export async function evaluate(options: EvaluationOptions, progress: Progress): Promise<string> {
  const { json, svg } = options;
  const dataset = await readDataset(options.dataset, options.limit);
  const model = await resolveModel(options.model);
  const second = options.secondModel === undefined ? null : await resolveModel(options.secondModel);
  const conditions: Conditions = {
    dataset: options.dataset,
    photos: dataset.photos.length,
    model: { name: model.name, sha256: model.sha256, license: model.license, bytes: model.bytes },
    secondModel: second && { name: second.name, sha256: second.sha256 },
    inputSize: options.inputSize,
    recall: options.recall,
    largeFaces: options.largeFaces,
    nmsThreshold: defaults.detection.nmsThreshold,
    defaultThreshold: defaults.detection.threshold,
    lowThreshold: options.threshold,
    threads: options.threads,
  };
  const measured = await measure(dataset, model.path, second?.path ?? null, conditions, progress);
  const figures = toFigures(dataset.levels, measured, conditions.defaultThreshold, MASK);
  if (json !== undefined) await writeFile(json, toJson(conditions, figures));
  if (svg !== undefined) {
    const title = `${model.name} at ${options.inputSize} pixels, ${looks(options)}, ${conditions.photos} photos`;
    await writeFile(svg, drawCurves(title, figures.levels, conditions.defaultThreshold));
  }
  return toText(conditions, figures);
}

async function measure(
  dataset: Dataset,
  modelPath: string,
  secondPath: string | null,
  conditions: Conditions,
  progress: Progress,
): Promise<MeasuredPhoto[]> {
  const { inputSize, recall, largeFaces, nmsThreshold, lowThreshold, threads } = conditions;
  const detector = await Detector.load(modelPath, threads);
  await detector.warmUp();
  const second = secondPath === null ? null : await Detector.load(secondPath, threads);
  progress.start(dataset.photos.length, 0);
  try {
    const { maxInputSize } = defaults.detection;
    const order = 'score' as const;
    const looks = { inputSize, maxInputSize, recall, largeFaces, deadline: Infinity };
    const detect = {
      ...looks,
      nmsThreshold,
      threshold: lowThreshold,
      minFaceSize: 0,
      maxFaces: Infinity,
      order,
      faceQuality: false,
    };
    return await detectAll(dataset.photos, { detector, second }, detect, () => {
      progress.increment();
    });
  } finally {
    progress.stop();
  }
}

import { constants } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { readConfiguration } from '../config/configuration.ts';
import { type Setting, settings } from '../config/settings.ts';
import { reasonOf } from '../errors/reason.ts';
import { Detector } from '../inference/worker/detector.ts';
import { resolveModel } from '../models/model-files.ts';
import { type Dataset, readDataset } from './dataset.ts';
import { toFigures } from './figures.ts';
import { detectAll, type MeasuredPhoto } from './measure.ts';
import { drawCurves } from './plot.ts';
import { type Conditions, looks, toJson, toText } from './report.ts';

/** Production's defaults, whatever the environment says: figures are compared between machines. */
const defaults = readConfiguration({});

const help = `Usage: npm run eval -- --dataset FOLDER [options]

Measures a detector on labelled photos, through the same code as the service.

  --dataset FOLDER     ground-truth.jsonl with images/, or WIDER FACE as it is published: wider_face_split/ with
                       WIDER_val/ (all faces in one level, since the difficulties are in MATLAB files)
  --model NAME         a model's name or the path of an ONNX file (default: ${defaults.inference.model})
  --input-size N       long side of the network's canvas in pixels (default: ${defaults.detection.inputSize})
  --large-faces        look a second time at a smaller size, as the service does unless told otherwise
  --threshold N        least score of a detection that enters the curves (default: 0.02)
  --threads N          ONNX Runtime threads (default: 1)
  --limit N            at most so many photos, spread evenly over the data set
  --json FILE          write all figures
  --svg FILE           draw precision over recall
  --help               this text

Exit code: 0 done, 1 failed, 2 the command was wrong.
`;

/** Where the report, and the progress and errors, go. */
export type CliOutput = { stdout: Writable; stderr: Writable };

/** Wrongly called: exit code 2, and the message says how to call it. */
class UsageError extends Error {
  constructor(problem: string) {
    super(`${problem}; type: npm run eval -- --help`);
  }
}

interface Options {
  readonly dataset: string;
  readonly model: string;
  readonly inputSize: number;
  readonly largeFaces: boolean;
  readonly threshold: number;
  readonly threads: number;
  readonly limit: number;
  readonly json: string | undefined;
  readonly svg: string | undefined;
}

/** Runs an evaluation and returns the exit code. Errors are one line on stderr, never a stack trace. */
export async function runCli(args: string[], { stdout, stderr }: CliOutput): Promise<number> {
  try {
    const values = parse(args);
    if (values.help === true) stdout.write(help);
    else await evaluate(toOptions(values), stdout, stderr);
    return 0;
  } catch (error) {
    stderr.write(`${reasonOf(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function evaluate(options: Options, stdout: Writable, stderr: Writable): Promise<void> {
  const { json, svg } = options;
  for (const file of [json, svg]) if (file !== undefined) await refuseUnwritable(file);
  const dataset = await readDataset(options.dataset, options.limit);
  const model = await resolveModel(options.model);
  const conditions: Conditions = {
    dataset: options.dataset,
    photos: dataset.photos.length,
    model: { name: model.name, sha256: model.sha256, license: model.license, bytes: model.bytes },
    inputSize: options.inputSize,
    largeFaces: options.largeFaces,
    nmsThreshold: defaults.detection.nmsThreshold,
    defaultThreshold: defaults.detection.threshold,
    lowThreshold: options.threshold,
    threads: options.threads,
  };
  const measured = await measure(dataset, model.path, conditions, stderr);
  const figures = toFigures(dataset.levels, measured, conditions.defaultThreshold);
  stdout.write(toText(conditions, figures));
  if (json !== undefined) await writeFile(json, toJson(conditions, figures));
  if (svg !== undefined) {
    const title = `${model.name} at ${options.inputSize} pixels, ${looks(options.largeFaces)}, ${conditions.photos} photos`;
    await writeFile(svg, drawCurves(title, figures.levels, conditions.defaultThreshold));
  }
}

async function measure(
  dataset: Dataset,
  modelPath: string,
  conditions: Conditions,
  stderr: Writable,
): Promise<MeasuredPhoto[]> {
  const { inputSize, largeFaces, nmsThreshold, lowThreshold, threads } = conditions;
  const detector = await Detector.load(modelPath, threads);
  await detector.warmUp();
  const bar = progressBar(stderr);
  bar.start(dataset.photos.length, 0);
  try {
    const detect = { inputSize, largeFaces, nmsThreshold, threshold: lowThreshold, minFaceSize: 0, maxFaces: Infinity };
    return await detectAll(dataset.photos, detector, detect, () => {
      bar.increment();
    });
  } finally {
    bar.stop();
  }
}

function parse(args: string[]): ReturnType<typeof parseOptions> {
  try {
    return parseOptions(args);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function parseOptions(args: string[]) {
  return parseArgs({
    args,
    options: {
      dataset: { type: 'string' },
      model: { type: 'string', default: defaults.inference.model },
      'input-size': { type: 'string', default: String(defaults.detection.inputSize) },
      'large-faces': { type: 'boolean', default: false },
      threshold: { type: 'string', default: '0.02' },
      threads: { type: 'string', default: '1' },
      limit: { type: 'string' },
      json: { type: 'string' },
      svg: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values;
}

function toOptions(values: ReturnType<typeof parseOptions>): Options {
  const { dataset, model, json, svg, limit } = values;
  if (dataset === undefined) throw new UsageError('--dataset FOLDER is missing');
  const threshold = readValue('threshold', values.threshold, settings.detection.threshold);
  if (threshold > defaults.detection.threshold) {
    throw new UsageError(
      `--threshold is ${threshold}; it takes at most the default threshold ${defaults.detection.threshold}`,
    );
  }
  return {
    dataset,
    model,
    inputSize: readValue('input-size', values['input-size'], settings.detection.inputSize),
    largeFaces: values['large-faces'],
    threshold,
    threads: readCount('threads', values.threads, 64),
    limit: limit === undefined ? Infinity : readCount('limit', limit, 1_000_000),
    json,
    svg,
  };
}

/** An option takes what the service's setting of that meaning takes. */
function readValue<Value>(option: string, text: string, { schema }: Setting<Value>): Value {
  const result = schema.safeParse(text);
  if (result.success) return result.data;
  throw new UsageError(`--${option} is "${text}"; it takes ${result.error.issues[0]!.message}`);
}

function readCount(option: string, text: string, max: number): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max) return count;
  throw new UsageError(`--${option} is "${text}"; it takes a whole number from 1 to ${max}`);
}

/** Before minutes of work, not after. */
async function refuseUnwritable(file: string): Promise<void> {
  try {
    await access(dirname(file), constants.W_OK);
  } catch {
    throw new UsageError(`${file} cannot be written: name a file in a folder that exists and is yours`);
  }
}

/** A bar on a terminal; elsewhere, such as in a log, a line every five seconds. */
function progressBar(stream: Writable): SingleBar {
  return new SingleBar({
    stream,
    format: '{bar} {value} of {total} photos, {eta_formatted} left',
    noTTYOutput: true,
    notTTYSchedule: 5000,
    // Photos differ much: the time left is judged by more than the last ten.
    etaBuffer: 100,
  });
}

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2), process);

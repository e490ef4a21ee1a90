import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { settings } from '../config/settings.ts';
import { defaults, evaluate, type EvaluationOptions } from '../evaluation/evaluate.ts';
import { RECALL_LEVELS } from '../vision/looks.ts';
import { type CliContext, UsageError } from './context.ts';
import { progressBar } from './progress-bar.ts';
import { countFrom, valueOf } from './values.ts';

export function addEvaluate(program: Command, context: CliContext): void {
  const { detection, inference } = defaults;
  program
    .command('eval')
    .description('measure a detector on labeled photos with the code of the service')
    .requiredOption(
      '--dataset <folder>',
      'ground-truth.jsonl with images/, or WIDER FACE as published: wider_face_split/ with WIDER_val/ (all ' +
        'faces in one level, because the difficulty levels are in MATLAB files)',
    )
    .option('--model <name>', 'name of a model, or path of an ONNX file', inference.model)
    .option('--second-model <name>', 'second detector, for --recall max')
    .option(
      '--input-size <pixels>',
      'long side in pixels to which photos are scaled for the detector',
      valueOf(settings.detection.inputSize),
      detection.inputSize,
    )
    .addOption(
      new Option('--recall <level>', 'how thoroughly to search for faces').choices([...RECALL_LEVELS]).default('fast'),
    )
    .option('--no-large-faces', 'leave out the detection at a smaller size, for faces that fill much of the photo')
    .option(
      '--threshold <number>',
      'minimum score of the detections in the curves',
      valueOf(settings.detection.threshold),
      0.02,
    )
    .option('--threads <number>', 'ONNX Runtime threads', countFrom(1, 64), 1)
    .option('--limit <number>', 'maximum number of photos, spread evenly over the data set', countFrom(1, 1_000_000))
    .option('--json <file>', 'write all figures as JSON')
    .option('--svg <file>', 'draw the precision-recall curves')
    .action((options: EvaluationOptions) => run(options, context));
}

async function run(options: EvaluationOptions, { stdout, stderr }: CliContext): Promise<void> {
  const highest = defaults.detection.threshold;
  if (options.threshold > highest) {
    throw new UsageError(`--threshold is ${options.threshold}; the maximum is the default threshold ${highest}`);
  }
  if (options.secondModel !== undefined && options.recall !== 'max') {
    throw new UsageError('--second-model is used with --recall max alone');
  }
  for (const file of [options.json, options.svg]) if (file !== undefined) await refuseUnwritable(file);
  const bar = progressBar(stderr, {
    format: '{bar} {value} of {total} photos, {eta_formatted} left',
    // Photos differ a lot: estimate the remaining time from more than the last ten.
    etaBuffer: 100,
  });
  stdout.write(await evaluate(options, bar));
}

/** Fails before minutes of work instead of after them. */
async function refuseUnwritable(file: string): Promise<void> {
  try {
    await access(dirname(file), constants.W_OK);
  } catch {
    throw new UsageError(`${file} cannot be written: its folder must exist and be writable`);
  }
}

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
    .description('measure a detector on labelled photos, through the same code as the service')
    .requiredOption(
      '--dataset <folder>',
      'ground-truth.jsonl with images/, or WIDER FACE as it is published: wider_face_split/ with WIDER_val/ (all ' +
        'faces in one level, since the difficulties are in MATLAB files)',
    )
    .option('--model <name>', "a model's name or the path of an ONNX file", inference.model)
    .option(
      '--input-size <pixels>',
      "long side of the network's canvas",
      valueOf(settings.detection.inputSize),
      detection.inputSize,
    )
    .addOption(
      new Option('--recall <level>', 'how hard faces are looked for').choices([...RECALL_LEVELS]).default('fast'),
    )
    .option('--no-large-faces', 'leave out the small look, for faces that fill much of the photo')
    .option(
      '--threshold <number>',
      'minimum score of a detection that enters the curves',
      valueOf(settings.detection.threshold),
      0.02,
    )
    .option('--threads <number>', 'ONNX Runtime threads', countFrom(1, 64), 1)
    .option('--limit <number>', 'at most so many photos, spread evenly over the data set', countFrom(1, 1_000_000))
    .option('--json <file>', 'write all figures')
    .option('--svg <file>', 'draw precision over recall')
    .action((options: EvaluationOptions) => run(options, context));
}

async function run(options: EvaluationOptions, { stdout, stderr }: CliContext): Promise<void> {
  const highest = defaults.detection.threshold;
  if (options.threshold > highest) {
    throw new UsageError(`--threshold is ${options.threshold}; it takes at most the default threshold ${highest}`);
  }
  for (const file of [options.json, options.svg]) if (file !== undefined) await refuseUnwritable(file);
  const bar = progressBar(stderr, {
    format: '{bar} {value} of {total} photos, {eta_formatted} left',
    // Photos differ much: the time left is judged by more than the last ten.
    etaBuffer: 100,
  });
  stdout.write(await evaluate(options, bar));
}

/** Before minutes of work, not after. */
async function refuseUnwritable(file: string): Promise<void> {
  try {
    await access(dirname(file), constants.W_OK);
  } catch {
    throw new UsageError(`${file} cannot be written: name a file in a folder that exists and is yours`);
  }
}

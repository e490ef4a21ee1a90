import { mkdir, realpath } from 'node:fs/promises';
import type { Command } from 'commander';
import { settings } from '../../config/settings.ts';
import { detectOptionsSchema } from '../../inference/schemas.ts';
import { maskOptionsSchema } from '../../masking/schemas.ts';
import { type CliContext, UsageError } from '../context.ts';
import { progressBar } from '../progress-bar.ts';
import { countFrom } from '../values.ts';
import { watched } from './arrivals.ts';
import type { Engine } from './engine.ts';
import { withLocalEngine } from './local-engine.ts';
import { type Order, processFiles } from './process-files.ts';
import { Report } from './report.ts';
import { addRequestOptions, readRequestOptions } from './request-options.ts';
import { isOwnFile, type Results, resultsIn, resultsInPlace } from './results.ts';
import { serverEngine } from './server-engine.ts';
import { isWithin, locateSources, type Source, type Sources } from './sources.ts';
import { printable, Tally } from './tally.ts';

interface FilesOptions {
  readonly out?: string;
  readonly inPlace?: boolean;
  readonly jobs?: number;
  readonly watch?: string;
  readonly server?: string;
  readonly apiKey?: string;
}

const { maxConcurrentInference } = settings.limits;

const HELP = `
PATH is a file, a folder or a quoted glob pattern such as 'photos/**/*.jpg'. The results have the tree and the names below
the folder that all PATHs share. face-api-report.jsonl, next to the results, says what became of each file. Run the same
command again to continue after an interruption, and to try again what failed: what is done is not done again.`;

export function addMask(program: Command, context: CliContext): void {
  const command = filesCommand(program, 'mask', 'mask faces in files and folders').option(
    '--in-place',
    'replace each file by its result instead of --out',
  );
  addRequestOptions(command, maskOptionsSchema);
  command.action(async (paths: string[], options: FilesOptions) => {
    await run(paths, options, { kind: 'mask', options: readRequestOptions(command, maskOptionsSchema) }, context);
  });
}

export function addDetect(program: Command, context: CliContext): void {
  const command = filesCommand(program, 'detect', 'detect faces in files and folders: writes NAME.json for each');
  addRequestOptions(command, detectOptionsSchema);
  command.action(async (paths: string[], options: FilesOptions) => {
    await run(paths, options, { kind: 'detect', options: readRequestOptions(command, detectOptionsSchema) }, context);
  });
}

function filesCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('[path...]', 'files, folders or glob patterns')
    .option('--out <folder>', 'folder for the results and the report')
    .option('--watch <folder>', 'process the files of this folder and those that arrive, until Ctrl-C')
    .option(
      '--jobs <number>',
      `number of images processed at the same time (default: ${maxConcurrentInference.name}, ${maxConcurrentInference.default} unless configured)`,
      countFrom(1, 256),
    )
    .option('--server <url>', 'use a running service instead of this process')
    .option('--api-key <key>', 'API key of that service')
    .addHelpText('after', HELP);
}

async function run(paths: string[], options: FilesOptions, order: Order, context: CliContext): Promise<void> {
  refuseContradictions(paths, options, order);
  const interruption = context.interruption();
  const { sources, results } = await openPlaces(paths, options);
  const report = await Report.open(results.folder, results.inPlace);
  const tally = new Tally();
  try {
    await withEngine(options, context, async (engine) => {
      const work = { order, engine, results, report, tally };
      if (options.watch === undefined) await processAll(sources, { ...work, abandoned: interruption }, context);
      else await processArrivals(sources, work, interruption, context);
    });
  } finally {
    await report.close();
    await results.close();
    context.stdout.write(tally.summary(order.kind === 'mask' ? 'masked' : 'searched'));
    context.stderr.write(tally.failures());
  }
  if (tally.failed > 0) throw new Error(`${tally.failed} of ${tally.total} files failed; ${report.path} names them`);
  if (tally.total === tally.skipped && options.watch === undefined) throw new Error('there are no images to process');
}

function refuseContradictions(paths: string[], options: FilesOptions, { kind, options: request }: Order): void {
  const { out, inPlace = false, watch, server, apiKey } = options;
  if ((paths.length === 0) === (watch === undefined)) throw new UsageError('name a PATH, or a folder with --watch');
  if ((out === undefined) === !inPlace) {
    throw new UsageError(kind === 'mask' ? 'say where results go: --out or --in-place' : 'say where results go: --out');
  }
  if (inPlace && 'format' in request && request.format !== undefined) {
    throw new UsageError('--format cannot be combined with --in-place, which keeps the names');
  }
  if (apiKey !== undefined && server === undefined) throw new UsageError('--api-key needs --server');
  if (server !== undefined && !/^https?:$/.test(URL.parse(server)?.protocol ?? '')) {
    throw new UsageError(`--server is "${server}"; expected: a URL such as http://localhost:8000`);
  }
}

async function openPlaces(
  paths: string[],
  { out, watch }: FilesOptions,
): Promise<{ sources: Sources; results: Results }> {
  const given = watch === undefined ? paths : [watch];
  if (out === undefined) {
    const sources = await locateSources(given, null);
    return { sources: withoutOwnFiles(sources), results: await resultsInPlace(sources.root) };
  }
  await mkdir(out, { recursive: true });
  const folder = await realpath(out);
  const sources = await locateSources(given, folder);
  if (isWithin(sources.root, folder)) {
    throw new UsageError(`--out ${out} has the sources in it: name another folder, or replace them with --in-place`);
  }
  return { sources, results: await resultsIn(folder) };
}

function withoutOwnFiles({ root, find }: Sources): Sources {
  async function* findOthers(): AsyncGenerator<Source> {
    for await (const source of find()) if (!isOwnFile(source.name)) yield source;
  }
  return { root, find: findOthers };
}

async function withEngine(
  { server, apiKey, jobs }: FilesOptions,
  context: CliContext,
  work: (engine: Engine) => Promise<void>,
): Promise<void> {
  if (server !== undefined) await work(serverEngine(server, apiKey, jobs));
  else await withLocalEngine(context, jobs, work);
}

type Work = Omit<Parameters<typeof processFiles>[1], 'abandoned' | 'onFile'>;

async function processAll(
  sources: Sources,
  work: Work & { readonly abandoned: AbortSignal },
  { stderr }: CliContext,
): Promise<void> {
  const total = await count(sources.find());
  const bar = progressBar(stderr, {
    format: '{bar} {value} of {total} files, {rate} per second, {eta_formatted} left',
    // Files differ a lot: estimate the remaining time from more than the last ten.
    etaBuffer: 100,
  });
  const start = performance.now();
  const rate = (files: number) => ((files * 1000) / (performance.now() - start)).toFixed(1);
  bar.start(total, 0, { rate: rate(0) });
  try {
    await processFiles(sources.find(), {
      ...work,
      onFile: () => {
        bar.increment({ rate: rate(work.tally.total) });
      },
    });
  } finally {
    bar.stop();
  }
}

async function count(sources: AsyncGenerator<Source>): Promise<number> {
  let found = 0;
  while (!(await sources.next()).done) found++;
  return found;
}

/** Ends after the images that are being processed. */
async function processArrivals(
  sources: Sources,
  work: Work,
  interruption: AbortSignal,
  { stderr }: CliContext,
): Promise<void> {
  await processFiles(watched(sources.find, interruption), {
    ...work,
    abandoned: new AbortController().signal,
    onFile: ({ name }) => {
      stderr.write(`${printable(name)}\n`);
    },
  });
}

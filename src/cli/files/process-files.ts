import { hash } from 'node:crypto';
import type { DetectOptions } from '../../inference/schemas.ts';
import type { OutputFormat } from '../../inference/worker/messages.ts';
import type { MaskRequestOptions } from '../../masking/schemas.ts';
import { type ImageType, sniffImageType } from '../../vision/image-type.ts';
import type { Engine } from './engine.ts';
import { failureOf } from './failure.ts';
import { inParallel } from './in-parallel.ts';
import type { Report } from './report.ts';
import type { Results } from './results.ts';
import { readSourceFile } from './source-file.ts';
import type { Source } from './sources.ts';
import type { Tally } from './tally.ts';

export type Order =
  | { readonly kind: 'detect'; readonly options: DetectOptions }
  | { readonly kind: 'mask'; readonly options: MaskRequestOptions };

export interface Run {
  readonly order: Order;
  readonly engine: Engine;
  readonly results: Results;
  readonly report: Report;
  readonly tally: Tally;
  /** Stops running work. */
  readonly abandoned: AbortSignal;
  /** Called after each file. */
  readonly onFile: (source: Source) => void;
}

/** One more than the engine works on: a file is read or written while others are processed. */
export async function processFiles(sources: AsyncIterable<Source>, run: Run): Promise<void> {
  const options_sha256 = hash('sha256', JSON.stringify([run.order, run.engine.settings]));
  await inParallel(sources, run.engine.jobs + 1, async (source) => {
    run.abandoned.throwIfAborted();
    await processFile(source, options_sha256, run);
    run.onFile(source);
  });
}

async function processFile(source: Source, options_sha256: string, run: Run): Promise<void> {
  const { report, tally, abandoned } = run;
  try {
    await processReadable(source, options_sha256, run);
  } catch (error) {
    abandoned.throwIfAborted();
    const failure = failureOf(error);
    if (!failure) throw error;
    tally.addFailure(source, failure);
    await report.add({ state: 'failed', source: source.name, options_sha256, ...failure });
  }
}

async function processReadable(source: Source, options_sha256: string, run: Run): Promise<void> {
  const { order, engine, results, report, tally, abandoned } = run;
  const file = await readSourceFile(source.path, engine.maxFileBytes);
  if (!file) {
    tally.skipped++;
    return;
  }
  const task = { source: source.name, options_sha256, sha256: hash('sha256', file.bytes) };
  const done = report.find(task);
  if (done && (await results.holds(source, done.suffix, done.bytes))) {
    tally.alreadyDone++;
    return;
  }
  const { output, suffix, facts } = await resultOf(source, file.bytes, order, engine, abandoned);
  await results.admit(source, suffix);
  const line = {
    state: 'done',
    source: source.name,
    source_sha256: task.sha256,
    options_sha256,
    output: source.name + suffix,
    output_bytes: output.length,
    output_sha256: hash('sha256', output),
    ...facts,
  } as const;
  const write = () => results.write(source, suffix, output, file.stats);
  const record = () => report.add(line);
  // A source that is replaced without a record would be masked twice; a result without a record is only made again.
  for (const step of results.inPlace ? [record, write] : [write, record]) await step();
  tally.done++;
  tally.faces += facts.face_count;
  tally.uncertain += facts.uncertain_count ?? 0;
}

interface Result {
  readonly output: Uint8Array;
  /** Of the name of the result, after that of the source */
  readonly suffix: string;
  /** For the report */
  readonly facts: Readonly<Record<string, unknown>> & {
    readonly face_count: number;
    readonly uncertain_count?: number;
  };
}

async function resultOf(
  source: Source,
  image: Uint8Array<ArrayBuffer>,
  order: Order,
  engine: Engine,
  abandoned: AbortSignal,
): Promise<Result> {
  if (order.kind === 'detect') {
    const body = await engine.detect(image, order.options, abandoned);
    const { face_count, search } = body;
    return {
      output: Buffer.from(`${JSON.stringify(body, null, 2)}\n`),
      suffix: '.json',
      facts: { face_count, ...(search && { smallest_face_px: search.smallest_face_px }) },
    };
  }
  const type = sniffImageType(image);
  const { body, format, encoded } = await engine.mask(image, order.options, abandoned);
  const { face_count, masked_count, uncertain_count, assurance, verification, metadata, receipt, search } = body;
  return {
    output: encoded,
    suffix: suffixOf(source.name, type, format),
    facts: {
      face_count,
      masked_count,
      uncertain_count,
      assurance,
      ...(search && { smallest_face_px: search.smallest_face_px }),
      ...(verification && { verification: verification.outcome }),
      ...(metadata && { metadata }),
      ...(receipt !== null && { receipt }),
    },
  };
}

/** Nothing if the name fits: the source has the same format, or the name says that of the result. */
function suffixOf(name: string, type: ImageType, format: OutputFormat): string {
  const extension = format === 'jpeg' ? '.jpg' : `.${format}`;
  return type === format || name.toLowerCase().endsWith(extension) ? '' : extension;
}

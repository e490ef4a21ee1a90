import { inspect } from 'node:util';
import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';
import { DomainError } from '../../errors/domain-error.ts';
import { Detector } from './detector.ts';
import type {
  DetectAnswer,
  DetectTask,
  MaskAnswer,
  MaskTask,
  Outcome,
  ThumbnailAnswer,
  ThumbnailTask,
  WorkerSettings,
} from './messages.ts';
import { detectFaces, maskFaces, type Tools } from './pipeline.ts';
import { makeThumbnail } from './thumbnail.ts';
import { doAsRequests } from './warm-up.ts';

/** Entry point of a worker thread: one exported function per kind of task. */

let tools: Promise<Tools> | undefined;

/** One session per thread, created by its first task: creating and releasing sessions leaks memory. */
function getTools(): Promise<Tools> {
  return (tools ??= loadTools(workerData as WorkerSettings));
}

async function loadTools(settings: WorkerSettings): Promise<Tools> {
  const { modelPath, secondModelPath, ortThreads, maxPixels, maxFrames, heic } = settings;
  const detector = await load(modelPath, ortThreads);
  const second = secondModelPath === null ? null : await load(secondModelPath, ortThreads);
  const loaded = { detector, second, maxPixels, maxFrames, heic };
  await doAsRequests(loaded);
  return loaded;
}

/** @throws Error with the name of the file */
async function load(modelPath: string, ortThreads: number): Promise<Detector> {
  try {
    const detector = await Detector.load(modelPath, ortThreads);
    await detector.warmUp();
    return detector;
  } catch (error) {
    throw new Error(`${modelPath} is not a supported detector`, { cause: error });
  }
}

/** @throws if the model cannot be loaded: the only failure that reaches the main thread as an error */
export async function warmUp(): Promise<void> {
  await getTools();
}

export async function detect(task: DetectTask): Promise<Outcome<DetectAnswer>> {
  return handOver(task, await toOutcome(async () => detectFaces(task, await getTools())), () => []);
}

export async function mask(task: MaskTask): Promise<Outcome<MaskAnswer>> {
  return handOver(task, await toOutcome(async () => maskFaces(task, await getTools())), ({ output }) => [
    output.bytes.buffer,
  ]);
}

export async function thumbnail(task: ThumbnailTask): Promise<Outcome<ThumbnailAnswer>> {
  const { maxPixels, heic } = workerData as WorkerSettings;
  return handOver(task, await toOutcome(() => makeThumbnail(task, maxPixels, heic)), ({ bytes }) => [bytes.buffer]);
}

/** Transfers the buffers of an answer, and that of the image if it is needed again, instead of copying them. */
function handOver<Answer>(
  { handBack, image }: DetectTask | MaskTask | ThumbnailTask,
  outcome: Outcome<Answer>,
  buffersOf: (answer: Answer) => ArrayBuffer[],
): Outcome<Answer> {
  const buffers = outcome.ok ? buffersOf(outcome.answer) : [];
  const original = handBack ? (image as Uint8Array<ArrayBuffer>) : undefined;
  if (original) buffers.push(original.buffer);
  return buffers.length > 0 ? transferring(original ? { ...outcome, original } : outcome, buffers) : outcome;
}

/** Structured cloning drops error classes, so failures are passed as values. */
async function toOutcome<Answer>(work: () => Promise<Answer>): Promise<Outcome<Answer>> {
  try {
    return { ok: true, answer: await work() };
  } catch (error) {
    if (error instanceof DomainError) {
      return { ok: false, code: error.code, detail: error.message, cause: describe(error.cause) };
    }
    return { ok: false, code: 'internal', detail: 'The image could not be processed', cause: describe(error) };
  }
}

function describe(error: unknown): string | undefined {
  return error === undefined ? undefined : inspect(error);
}

/** Tells the pool to transfer the buffers with the answer instead of copying them. */
function transferring<Answer>(answer: Answer, buffers: ArrayBuffer[]): Answer {
  const movable = {
    get [transferableSymbol]() {
      return buffers;
    },
    get [valueSymbol]() {
      return answer as object;
    },
  };
  return move(movable) as Answer;
}

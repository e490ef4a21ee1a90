import { setFlagsFromString } from 'node:v8';
// On the main thread, before a worker thread loads ONNX Runtime.
import '../models/no-telemetry.ts';
import { Piscina } from 'piscina';
import type { Configuration } from '../config/configuration.ts';
import { reasonOf } from '../errors/reason.ts';
import type { LoadedModel, SecondModel } from '../models/loaded-model.ts';
import { ModelError } from '../models/model-error.ts';
import type { WorkerSettings } from './worker/messages.ts';

/** Threads in addition to one per permit: for thumbnails of stored images, so that they do not wait behind requests. */
export const THUMBNAIL_THREADS = 1;

/**
 * V8 counts pixels, which lie outside its heap, towards the size at which it collects garbage. A worker's heap is so
 * small that each photograph reached that size: a full collection of 15 ms in each request, after which hot functions
 * were compiled again. Pixels are freed by hand (see release.ts), so the heap may grow three-fold in between. A small
 * young generation keeps its own share of that size small, and the memory of idle threads.
 */
const HEAP_GROWTH = '--heap-growing-percent=200';
const YOUNG_GENERATION_MB = 12;

const WORKER_FILE = new URL(
  import.meta.url.endsWith('.ts') ? './worker/image.worker.ts' : './worker/image.worker.js',
  import.meta.url,
);

/** Injection token of threads that main started before the application existed; optional. */
export const STARTED_THREADS = Symbol('STARTED_THREADS');

/** The threads of the pool. They begin to load the model at once, all of them, so that no request has to wait for it. */
export class WorkerThreads {
  readonly count: number;
  readonly pool: Piscina;
  readonly #loading: Promise<PromiseSettledResult<unknown>[]>;

  constructor({ inference, limits, storage }: Configuration, model: LoadedModel, { model: second }: SecondModel) {
    this.count = limits.maxConcurrentInference + (storage.enabled ? THUMBNAIL_THREADS : 0);
    const workerData: WorkerSettings = {
      modelPath: model.path,
      ortThreads: inference.ortThreads,
      maxPixels: limits.maxPixels,
      maxFrames: limits.maxFrames,
      heic: limits.heic,
      secondModelPath: second?.path ?? null,
    };
    setFlagsFromString(HEAP_GROWTH);
    const pool = new Piscina({
      filename: WORKER_FILE.href,
      name: 'warmUp',
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      minThreads: this.count,
      maxThreads: this.count,
      recordTiming: false,
    });
    this.pool = pool;
    // One task per idle thread reaches every thread.
    this.#loading = Promise.allSettled(Array.from({ length: this.count }, () => pool.run(undefined)));
  }

  /** No thread is loading any more: ONNX Runtime aborts the process if a thread ends inside of it. */
  async settled(): Promise<void> {
    await this.#loading;
  }

  /** @throws ModelError once no thread is loading any more */
  async loaded(): Promise<void> {
    const failed = (await this.#loading).find((outcome) => outcome.status === 'rejected');
    if (failed) throw new ModelError(reasonOf(failed.reason));
  }
}

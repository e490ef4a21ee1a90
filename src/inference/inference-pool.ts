import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
// On the main thread, before a worker thread loads ONNX Runtime.
import '../models/no-telemetry.ts';
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Piscina } from 'piscina';
import { reasonOf } from '../errors/reason.ts';
import { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import { Metrics } from '../metrics/metrics.ts';
import { LoadedModel, VerifyModel } from '../models/loaded-model.ts';
import { ModelError } from '../models/model-error.ts';
import { currentTrace } from '../tracing/trace.ts';
import type { JobKind } from '../storage/job.ts';
import type { ImageRequest } from './image-request.ts';
import type {
  CancelFlag,
  DetectAnswer,
  DetectSettings,
  DetectTask,
  MaskAnswer,
  MaskSettings,
  MaskTask,
  Outcome,
  ThumbnailAnswer,
  ThumbnailTask,
  WorkerSettings,
} from './worker/messages.ts';

/** Threads beyond those for which there are permits: for thumbnails, so that they do not wait behind requests. */
export const EXTRA_THREADS = 1;
/** A task that has run for so long is stuck: the longest deadline is answered long before. */
const STUCK_FACTOR = 4;
/** How long an idle pool may take to answer a ping. */
const PING_TIMEOUT_MS = 5000;

/**
 * V8 counts pixels, which lie outside its heap, towards the size at which it collects garbage. A worker's heap is so
 * small that each photograph reached that size: a full collection of 15 ms in each request, after which hot functions
 * were compiled anew. Pixels are freed by hand (see release.ts), so the heap may grow eleven-fold in between. A small
 * young generation keeps its own share of that size small, and the memory of idle threads.
 */
const HEAP_GROWTH = '--heap-growing-percent=1000';
const YOUNG_GENERATION_MB = 12;

const WORKER_FILE = new URL(
  import.meta.url.endsWith('.ts') ? './worker/image.worker.ts' : './worker/image.worker.js',
  import.meta.url,
);

type Task<Whole> = Whole extends unknown ? Omit<Whole, 'cancel'> : never;

/**
 * The threads that burn CPU: everything that touches pixels runs there, one hop each way. A task that runs is never
 * terminated, since ONNX Runtime aborts the process if its thread ends inside an inference; it is told by a flag in
 * shared memory, and stops at its next stage. No task waits here, where nothing could take it and its image out again:
 * who brings one holds a permit, and there are as many permits as threads.
 */
@Injectable()
export class InferencePool implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(InferencePool.name);
  private readonly threads: number;
  private readonly stuckAfterMs: number;
  /** When each task that has not settled began. */
  private readonly running = new Map<Promise<unknown>, number>();
  private pool: Piscina | undefined;
  private ping: Promise<boolean> | undefined;
  private warm = false;

  constructor(
    private readonly configuration: Configuration,
    private readonly model: LoadedModel,
    private readonly verifyModel: VerifyModel,
    private readonly metrics: Metrics,
  ) {
    this.threads = configuration.limits.maxConcurrentInference + EXTRA_THREADS;
    this.stuckAfterMs = configuration.limits.requestTimeoutMs * STUCK_FACTOR;
    metrics.info('face_api_model_info', 'Detector in use', { name: model.name, sha256: model.sha256 });
    metrics.gauge('face_api_pool_threads', 'Worker threads in total', () => this.pool?.threads.length ?? 0);
    metrics.gauge('face_api_pool_tasks', 'Tasks that run or wait in the pool', () => this.running.size);
  }

  /**
   * Starts all threads and loads the model in each, so that no request pays for it.
   * @throws ModelError
   */
  async onModuleInit(): Promise<void> {
    const workerData: WorkerSettings = {
      modelPath: this.model.path,
      ortThreads: this.configuration.inference.ortThreads,
      maxPixels: this.configuration.limits.maxPixels,
      maxFrames: this.configuration.limits.maxFrames,
      verifyModelPath: this.verifyModel.model?.path ?? null,
    };
    setFlagsFromString(HEAP_GROWTH);
    this.pool = new Piscina({
      filename: WORKER_FILE.href,
      name: 'warmUp',
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      minThreads: this.threads,
      maxThreads: this.threads,
      recordTiming: false,
    });
    this.pool.on('error', (error: Error) => {
      this.logger.error({ err: error }, 'A worker thread crashed and was replaced');
    });
    const pool = this.pool;
    // One task per idle thread: so many at once reach every one of them. All end before a failure is told, since the
    // process ends then, and ONNX Runtime answers the end of a thread inside of it with an abort.
    const started = await Promise.allSettled(Array.from({ length: this.threads }, () => pool.run(undefined)));
    const failed = started.find((outcome) => outcome.status === 'rejected');
    if (failed) throw new ModelError(reasonOf(failed.reason));
    this.warm = true;
  }

  /** Running tasks finish; none is cut off. The pool's own close waits for some of them only. */
  async onApplicationShutdown(): Promise<void> {
    this.warm = false;
    await Promise.allSettled([...this.running.keys(), this.ping]);
    await this.pool?.close();
  }

  async detect(request: ImageRequest, detect: DetectSettings): Promise<DetectAnswer> {
    return this.process<DetectAnswer>('detect', request, { detect });
  }

  /** @param detect null: no inference, only the caller's regions are masked */
  async mask(request: ImageRequest, detect: DetectSettings | null, mask: MaskSettings): Promise<MaskAnswer> {
    const answer = await this.process<MaskAnswer>('mask', request, { detect, mask });
    this.metrics.maskedFaces.inc(answer.maskedCount);
    return answer;
  }

  async thumbnail(task: Task<ThumbnailTask>, abandoned: AbortSignal): Promise<ThumbnailAnswer> {
    return answerOf(await this.run<ThumbnailAnswer>('thumbnail', task, abandoned));
  }

  /** How many threads there are, and how many tasks run on them and wait for one. */
  get load(): { readonly threads: number; readonly running: number; readonly waiting: number } {
    const waiting = this.pool?.queueSize ?? 0;
    return { threads: this.pool?.threads.length ?? 0, running: this.running.size - waiting, waiting };
  }

  get isWarm(): boolean {
    return this.warm;
  }

  /** False if a task runs far beyond every deadline, or if idle threads do not answer. */
  async isAlive(): Promise<boolean> {
    const now = performance.now();
    if ([...this.running.values()].some((since) => now - since > this.stuckAfterMs)) return false;
    if (!this.pool || !this.warm || this.running.size >= this.threads) return true;
    // One at a time, however often it is asked.
    this.ping ??= answers(this.pool).finally(() => (this.ping = undefined));
    return this.ping;
  }

  /** Leaves in the request what the worker hands back of it and what it answered. */
  private async process<Answer extends DetectAnswer>(
    kind: JobKind,
    request: ImageRequest,
    settings: Pick<DetectTask, 'detect'> | Pick<MaskTask, 'detect' | 'mask'>,
  ): Promise<Answer> {
    const { image, abandoned, jobId } = request;
    const outcome = await this.run<Answer>(kind, { image, handBack: jobId !== null, ...settings }, abandoned);
    if (outcome.original) request.image = outcome.original;
    const answer = answerOf(outcome);
    request.answer = answer;
    this.metrics.observeStages(answer.timings);
    this.metrics.faces.inc({ kind }, answer.faces.length);
    addToTrace(answer);
    return answer;
  }

  /**
   * Settles when the worker is done with the task, not before: who holds a permit for it knows that its thread is
   * free again. The image's buffer is moved away and is empty afterwards.
   */
  private async run<Answer>(
    name: JobKind | 'thumbnail',
    task: Task<DetectTask | MaskTask | ThumbnailTask>,
    abandoned: AbortSignal,
  ): Promise<Outcome<Answer>> {
    if (!this.pool || !this.warm) throw new DomainError('not_ready', 'The service is starting or stopping');
    if (this.running.size >= this.threads) throw new DomainError('busy', 'All threads are busy. Try again');
    const cancel: CancelFlag = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const stop = () => Atomics.store(cancel, 0, 1);
    if (abandoned.aborted) stop();
    abandoned.addEventListener('abort', stop, { once: true });
    const transferList = [task.image.buffer as ArrayBuffer];
    const work = this.pool.run({ ...task, cancel }, { name, transferList }) as Promise<Outcome<Answer>>;
    this.running.set(work, performance.now());
    try {
      return await work;
    } catch (error) {
      this.metrics.workerFailures.inc();
      throw new DomainError('internal', 'The worker thread crashed. The log has the details under this request ID', {
        cause: error,
      });
    } finally {
      this.running.delete(work);
      abandoned.removeEventListener('abort', stop);
    }
  }
}

/** @throws DomainError as the worker failed */
function answerOf<Answer>(outcome: Outcome<Answer>): Answer {
  if (outcome.ok) return outcome.answer;
  throw new DomainError(outcome.code, outcome.detail, { cause: outcome.cause });
}

function answers(pool: Piscina): Promise<boolean> {
  return Promise.race([
    pool.run(undefined).then(
      () => true,
      () => false,
    ),
    sleep(PING_TIMEOUT_MS, false, { ref: false }),
  ]);
}

function addToTrace({ work, faces, image }: DetectAnswer): void {
  const trace = currentTrace();
  if (!trace) return;
  trace.describe({
    'face_api.faces': faces.length,
    'face_api.image.width': image.width,
    'face_api.image.height': image.height,
    'face_api.image.format': image.format,
    'face_api.image.frames': image.frames,
  });
  for (const stage of work) trace.add(stage);
}

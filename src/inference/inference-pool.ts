import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Piscina } from 'piscina';
import { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import { Metrics } from '../metrics/metrics.ts';
import { LoadedModel } from '../models/loaded-model.ts';
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
} from './worker/messages.ts';
import { WorkerThreads } from './worker-threads.ts';

/** A task that has run for this multiple of the deadline is stuck. */
const STUCK_FACTOR = 4;
/** How long an idle pool may take to respond to a ping. */
const PING_TIMEOUT_MS = 5000;

type Task<Whole> = Whole extends unknown ? Omit<Whole, 'cancel'> : never;

/**
 * The worker threads, which do all work on pixels. A running task is never terminated, because ONNX Runtime aborts the
 * process if its thread ends inside an inference. Instead, a flag in shared memory tells the task to stop before its next
 * stage. No task waits here, where it could not be canceled: each one has a permit, and there is a thread for each permit.
 */
@Injectable()
export class InferencePool implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(InferencePool.name);
  private readonly pool: Piscina;
  private readonly stuckAfterMs: number;
  /** Start times of running tasks */
  private readonly running = new Map<Promise<unknown>, number>();
  private ping: Promise<boolean> | undefined;
  private warm = false;

  constructor(
    { limits }: Configuration,
    model: LoadedModel,
    private readonly threads: WorkerThreads,
    private readonly metrics: Metrics,
  ) {
    this.pool = threads.pool;
    this.stuckAfterMs = limits.requestTimeoutMs * STUCK_FACTOR;
    this.pool.on('error', (error: Error) => {
      this.logger.error({ err: error }, 'A worker thread crashed and was replaced');
    });
    metrics.info('face_api_model_info', 'Detector in use', { name: model.name, sha256: model.sha256 });
    metrics.gauge('face_api_pool_threads', 'Worker threads in total', () => this.pool.threads.length);
    metrics.gauge('face_api_pool_tasks', 'Tasks that run or wait in the pool', () => this.running.size);
  }

  /** @throws ModelError */
  async onModuleInit(): Promise<void> {
    await this.threads.loaded();
    this.warm = true;
  }

  /** Waits for running tasks. The close of the pool waits only for some of them. */
  async onApplicationShutdown(): Promise<void> {
    this.warm = false;
    await Promise.allSettled([this.threads.settled(), ...this.running.keys(), this.ping]);
    await this.pool.close();
  }

  async detect(request: ImageRequest, detect: DetectSettings): Promise<DetectAnswer> {
    return this.process<DetectAnswer>('detect', request, { detect });
  }

  /** @param detect null: no inference, only the regions in the request are masked */
  async mask(request: ImageRequest, detect: DetectSettings | null, mask: MaskSettings): Promise<MaskAnswer> {
    const answer = await this.process<MaskAnswer>('mask', request, { detect, mask });
    this.metrics.maskedFaces.inc(answer.maskedCount);
    return answer;
  }

  async thumbnail(task: Task<ThumbnailTask>, abandoned: AbortSignal): Promise<ThumbnailAnswer> {
    return answerOf(await this.run<ThumbnailAnswer>('thumbnail', task, abandoned));
  }

  /** Number of threads, of running tasks and of waiting tasks */
  get load(): { readonly threads: number; readonly running: number; readonly waiting: number } {
    const waiting = this.pool.queueSize;
    return { threads: this.pool.threads.length, running: this.running.size - waiting, waiting };
  }

  get isWarm(): boolean {
    return this.warm;
  }

  /** False if a task runs far beyond its deadline, or if idle threads do not respond. */
  async isAlive(): Promise<boolean> {
    const now = performance.now();
    if ([...this.running.values()].some((since) => now - since > this.stuckAfterMs)) return false;
    if (!this.warm || this.running.size >= this.threads.count) return true;
    // One ping at a time, however many probes there are.
    this.ping ??= answers(this.pool).finally(() => (this.ping = undefined));
    return this.ping;
  }

  /** Sets the answer of the worker, and the image that it returned, in the request. */
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
   * Settles only when the worker has finished the task, so that its thread is free when the permit is returned. The buffer
   * of the image is transferred and is empty afterwards.
   */
  private async run<Answer>(
    name: JobKind | 'thumbnail',
    task: Task<DetectTask | MaskTask | ThumbnailTask>,
    abandoned: AbortSignal,
  ): Promise<Outcome<Answer>> {
    if (!this.warm) throw new DomainError('not_ready', 'The service is starting or stopping');
    if (this.running.size >= this.threads.count) throw new DomainError('busy', 'All threads are busy. Try again');
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

/** @throws DomainError of the worker */
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

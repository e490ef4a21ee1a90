import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { Configuration } from '../config/configuration.ts';
import { Metrics } from '../metrics/metrics.ts';
import { LoadedModel } from '../models/loaded-model.ts';
import { JobRecorder } from '../storage/job-recorder.ts';
import { currentTrace, traced } from '../tracing/trace.ts';
import { statedPixels } from '../vision/stated-pixels.ts';
import { toFinishedJob } from './finished-job.ts';
import type { ImageRequest } from './image-request.ts';
import { InferenceSemaphore } from './inference-semaphore.ts';

/** An image of more than this share of the limit is large. */
const LARGE = 1 / 4;

/** The path of every image, whatever its origin: admit its job, take a permit, do the work, record the job. */
@Injectable()
export class ImageProcessing {
  constructor(
    private readonly semaphore: InferenceSemaphore,
    private readonly recorder: JobRecorder,
    private readonly model: LoadedModel,
    private readonly metrics: Metrics,
    private readonly configuration: Configuration,
  ) {}

  /**
   * Settles when the work has ended and its job is on disk, also if the work failed. The permit is returned before the job
   * is written.
   * @throws DomainError storage_full, the reason why the request was abandoned, and the error of the work
   */
  async process<Result>(request: ImageRequest, work: () => Promise<Result>): Promise<Result> {
    if (!this.recorder.isOn || !request.store) return this.withPermit(request, work);
    const jobId = v7();
    const start = { at: new Date(), ms: performance.now() };
    await this.recorder.admit(request.image.byteLength);
    request.jobId = jobId;
    const [outcome] = await Promise.allSettled([this.withPermit(request, work)]);
    currentTrace()?.describe({ 'face_api.job_id': jobId });
    const failure: unknown = outcome.status === 'rejected' ? outcome.reason : request.abandoned.reason;
    await traced('spool', () => this.recorder.record(toFinishedJob(request, jobId, start, this.model, failure)));
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  /**
   * Work that only masks given regions needs a permit too, because it holds a decoded image in memory. A request that is
   * abandoned while it waits leaves the queue. The permit is returned when the work has ended, not when the response is
   * sent: after a 504, the thread may still be inside an inference.
   */
  private async withPermit<Result>(request: ImageRequest, work: () => Promise<Result>): Promise<Result> {
    const { abandoned, isInteractive } = request;
    const asked = performance.now();
    const release = await traced('queue', () =>
      this.semaphore.acquireFor({ isInteractive, isHeavy: this.isHeavy(request) }, abandoned),
    );
    request.queuedMs = performance.now() - asked;
    this.metrics.observeStages({ queue: request.queuedMs });
    try {
      return await work();
    } finally {
      release();
    }
  }

  /** Work without inference may take long, and a large image needs much memory. */
  private isHeavy({ image, options }: ImageRequest): boolean {
    return options['detect'] === false || statedPixels(image) > this.configuration.limits.maxPixels * LARGE;
  }
}

import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { Metrics } from '../metrics/metrics.ts';
import { LoadedModel } from '../models/loaded-model.ts';
import { JobRecorder } from '../storage/job-recorder.ts';
import { currentTrace, traced } from '../tracing/trace.ts';
import { toFinishedJob } from './finished-job.ts';
import type { ImageRequest } from './image-request.ts';
import { InferenceSemaphore } from './inference-semaphore.ts';

/** The path of every image, whatever its origin: admit its job, take a permit, do the work, record the job. */
@Injectable()
export class ImageProcessing {
  constructor(
    private readonly semaphore: InferenceSemaphore,
    private readonly recorder: JobRecorder,
    private readonly model: LoadedModel,
    private readonly metrics: Metrics,
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
    const asked = performance.now();
    const release = await traced('queue', () => this.acquire(request));
    request.queuedMs = performance.now() - asked;
    this.metrics.observeStages({ queue: request.queuedMs });
    try {
      return await work();
    } finally {
      release();
    }
  }

  private acquire({ options, abandoned, isInteractive }: ImageRequest): Promise<() => void> {
    if (!isInteractive) return this.semaphore.acquireInBackground(abandoned);
    return options['detect'] === false
      ? this.semaphore.acquireWithoutInference(abandoned)
      : this.semaphore.acquire(abandoned);
  }
}

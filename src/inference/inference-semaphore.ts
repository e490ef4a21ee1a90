import { Injectable } from '@nestjs/common';
import { batchConcurrencyOf, Configuration } from '../config/configuration.ts';
import { Metrics } from '../metrics/metrics.ts';
import { Semaphore } from './semaphore.ts';

/** The semaphore of all work on images */
@Injectable()
export class InferenceSemaphore extends Semaphore {
  /** Work without inference may take long: it leaves one permit to other work if there are several. */
  private readonly withoutInference: Semaphore;
  /** Items of batches leave permits to requests. */
  private readonly background: Semaphore;

  constructor(configuration: Configuration, metrics: Metrics) {
    super(configuration.limits.maxConcurrentInference);
    this.withoutInference = new Semaphore(Math.max(1, this.limit - 1));
    this.background = new Semaphore(batchConcurrencyOf(configuration));
    metrics.gauge('face_api_inference_permits', 'Permits in total', () => this.limit);
    metrics.gauge('face_api_inferences_running', 'Requests that hold a permit', () => this.inUse);
    metrics.gauge('face_api_inferences_waiting', 'Requests that wait for a permit', () => this.waiting);
  }

  override get waiting(): number {
    return super.waiting + this.withoutInference.waiting + this.background.waiting;
  }

  /** Like `acquire`, for work without inference. */
  acquireWithoutInference(signal: AbortSignal): Promise<() => void> {
    return this.acquireAfter(this.withoutInference, signal, true);
  }

  /** Like `acquire`, for work that nobody waits for: a request that waits for a permit comes first. */
  acquireInBackground(signal: AbortSignal): Promise<() => void> {
    return this.acquireAfter(this.background, signal, false);
  }

  private async acquireAfter(turns: Semaphore, signal: AbortSignal, isInteractive: boolean): Promise<() => void> {
    const releaseTurn = await turns.acquire(signal);
    try {
      const release = await this.acquire(signal, isInteractive);
      return () => {
        release();
        releaseTurn();
      };
    } catch (error) {
      releaseTurn();
      throw error;
    }
  }
}

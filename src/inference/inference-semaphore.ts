import { Injectable } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { Metrics } from '../metrics/metrics.ts';
import { Semaphore } from './semaphore.ts';

/** The semaphore of all work on images */
@Injectable()
export class InferenceSemaphore extends Semaphore {
  /** Work that may take long or needs much memory leaves one permit to other work if there are several. */
  private readonly heavy: Semaphore;

  constructor(configuration: Configuration, metrics: Metrics) {
    super(configuration.limits.maxConcurrentInference);
    this.heavy = new Semaphore(Math.max(1, this.limit - 1));
    metrics.gauge('face_api_inference_permits', 'Permits in total', () => this.limit);
    metrics.gauge('face_api_inferences_running', 'Requests that hold a permit', () => this.inUse);
    metrics.gauge('face_api_inferences_waiting', 'Requests that wait for a permit', () => this.waiting);
  }

  override get waiting(): number {
    return super.waiting + this.heavy.waiting;
  }

  /** Like `acquire`, for work that may take long or needs much memory. */
  async acquireHeavy(signal: AbortSignal): Promise<() => void> {
    const releaseTurn = await this.heavy.acquire(signal);
    try {
      const release = await this.acquire(signal);
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

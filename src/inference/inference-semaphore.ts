import { Injectable } from '@nestjs/common';
import { batchConcurrencyOf, Configuration } from '../config/configuration.ts';
import { Metrics } from '../metrics/metrics.ts';
import { Semaphore } from './semaphore.ts';

export interface WorkKind {
  /** May take long or needs much memory. */
  readonly isHeavy: boolean;
  /** Somebody waits for it. */
  readonly isInteractive: boolean;
}

/** The semaphore of all work on images */
@Injectable()
export class InferenceSemaphore extends Semaphore {
  /** Heavy work leaves one permit to other work if there are several. */
  private readonly heavy: Semaphore;
  /** Items of batches leave permits to requests. */
  private readonly background: Semaphore;

  constructor(configuration: Configuration, metrics: Metrics) {
    super(configuration.limits.maxConcurrentInference);
    this.heavy = new Semaphore(Math.max(1, this.limit - 1));
    this.background = new Semaphore(batchConcurrencyOf(configuration));
    metrics.gauge('face_api_inference_permits', 'Permits in total', () => this.limit);
    metrics.gauge('face_api_inferences_running', 'Requests that hold a permit', () => this.inUse);
    metrics.gauge('face_api_inferences_waiting', 'Requests that wait for a permit', () => this.waiting);
  }

  override get waiting(): number {
    return super.waiting + this.heavy.waiting + this.background.waiting;
  }

  /** Like `acquire`; work that nobody waits for comes after all requests that wait for a permit. */
  async acquireFor({ isHeavy, isInteractive }: WorkKind, signal: AbortSignal): Promise<() => void> {
    const releases: (() => void)[] = [];
    const release = () => {
      for (const one of releases.reverse()) one();
    };
    try {
      if (!isInteractive) releases.push(await this.background.acquire(signal));
      if (isHeavy) releases.push(await this.heavy.acquire(signal, isInteractive));
      releases.push(await this.acquire(signal, isInteractive));
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }
}

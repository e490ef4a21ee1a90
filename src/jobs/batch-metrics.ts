import { Counter } from 'prom-client';
import type { Metrics } from '../metrics/metrics.ts';
import type { ItemEvents } from './chunk-processing.ts';

/** What waits, in all batches together */
export interface BatchBacklog {
  readonly items: number;
  readonly oldestSeconds: number;
}

const OUTCOMES = ['done', 'failed', 'dead'] as const;

/** Metrics of a process that works on batches. The backlog is the same in all of them. */
export class BatchMetrics implements ItemEvents {
  readonly #items: Counter<'outcome'>;
  readonly #retries: Counter;
  #backlog: BatchBacklog = { items: 0, oldestSeconds: 0 };

  constructor(metrics: Metrics) {
    const registers = [metrics.registry];
    this.#items = new Counter({
      name: 'face_api_batch_items_total',
      help: 'Items of batches that this process finished, by outcome',
      labelNames: ['outcome'] as const,
      registers,
    });
    this.#retries = new Counter({
      name: 'face_api_batch_retries_total',
      help: 'Failed attempts at items of batches, which are retried',
      registers,
    });
    for (const outcome of OUTCOMES) this.#items.inc({ outcome }, 0);
    metrics.gauge('face_api_batch_items_waiting', 'Items of all batches that wait', () => this.#backlog.items);
    metrics.gauge(
      'face_api_batch_oldest_seconds',
      'Age of the oldest batch that has items that wait',
      () => this.#backlog.oldestSeconds,
    );
  }

  settled(outcome: (typeof OUTCOMES)[number]): void {
    this.#items.inc({ outcome });
  }

  retried(): void {
    this.#retries.inc();
  }

  showBacklog(backlog: BatchBacklog): void {
    this.#backlog = backlog;
  }
}

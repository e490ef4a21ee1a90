import { Counter } from 'prom-client';
import type { Metrics } from '../metrics/metrics.ts';
import type { ItemEvents } from './chunk-processing.ts';
import type { WebhookEvents } from './webhooks/webhook-deliveries.ts';

/** What waits, in all batches together */
export interface BatchBacklog {
  readonly items: number;
  readonly oldestSeconds: number;
  readonly webhooks: { readonly waiting: number; readonly oldestSeconds: number };
}

const OUTCOMES = ['done', 'failed', 'dead'] as const;
const ATTEMPTS = ['delivered', 'failed'] as const;

/** Metrics of a process that works on batches. The backlog is the same in all of them. */
export class BatchMetrics implements ItemEvents, WebhookEvents {
  readonly #items: Counter<'outcome'>;
  readonly #retries: Counter;
  readonly #webhookAttempts: Counter<'outcome'>;
  readonly #webhooksGivenUp: Counter;
  #backlog: BatchBacklog = { items: 0, oldestSeconds: 0, webhooks: { waiting: 0, oldestSeconds: 0 } };

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
    this.#webhookAttempts = new Counter({
      name: 'face_api_webhook_attempts_total',
      help: 'Attempts of this process to deliver a webhook, by outcome',
      labelNames: ['outcome'] as const,
      registers,
    });
    this.#webhooksGivenUp = new Counter({
      name: 'face_api_webhook_given_up_total',
      help: 'Webhooks that this process gave up, after a day or because their receiver is gone',
      registers,
    });
    for (const outcome of OUTCOMES) this.#items.inc({ outcome }, 0);
    for (const outcome of ATTEMPTS) this.#webhookAttempts.inc({ outcome }, 0);
    metrics.gauge('face_api_batch_items_waiting', 'Items of all batches that wait', () => this.#backlog.items);
    metrics.gauge(
      'face_api_batch_oldest_seconds',
      'Age of the oldest batch that has items that wait',
      () => this.#backlog.oldestSeconds,
    );
    metrics.gauge(
      'face_api_webhook_deliveries_waiting',
      'Webhooks that are not delivered yet',
      () => this.#backlog.webhooks.waiting,
    );
    metrics.gauge(
      'face_api_webhook_oldest_seconds',
      'Age of the oldest webhook that is not delivered yet',
      () => this.#backlog.webhooks.oldestSeconds,
    );
  }

  settled(outcome: (typeof OUTCOMES)[number]): void {
    this.#items.inc({ outcome });
  }

  retried(): void {
    this.#retries.inc();
  }

  attempted(outcome: (typeof ATTEMPTS)[number]): void {
    this.#webhookAttempts.inc({ outcome });
  }

  givenUp(): void {
    this.#webhooksGivenUp.inc();
  }

  showBacklog(backlog: BatchBacklog): void {
    this.#backlog = backlog;
  }
}

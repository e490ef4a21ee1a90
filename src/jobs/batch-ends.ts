import type { BatchEnd } from './batch-records.ts';
import type { Boss } from './boss.ts';
import { FinishingQueue } from './finishing-queue.ts';
import type { Sql } from './sql.ts';
import { WebhookQueue } from './webhooks/webhook-queue.ts';

/** What comes after the last item of a batch: its manifest if the results are in S3, and its webhook. */
export class BatchEnds {
  readonly finishings: FinishingQueue;
  readonly webhooks: WebhookQueue;

  constructor(boss: Boss) {
    this.finishings = new FinishingQueue(boss);
    this.webhooks = new WebhookQueue(boss);
  }

  /** Before a transaction: the start of the queues needs further connections. */
  async ready(): Promise<void> {
    await this.finishings.ready();
    await this.webhooks.ready();
  }

  /** @param end null: nothing has ended */
  async queue(sql: Sql, batchId: string, end: BatchEnd | null): Promise<void> {
    if (end?.state === 'finishing') await this.finishings.add(sql, batchId);
    if (end && end.webhookJobId !== null) await this.webhooks.add(sql, end.webhookJobId);
  }
}

import { Logger } from '@nestjs/common';
import { v7 } from 'uuid';
import type { Database } from '../../storage/records/database.ts';
import { inTransaction, sqlOf } from '../sql.ts';
import type { WebhookQueue } from './webhook-queue.ts';
import {
  type AfterAttempt,
  type Attempt,
  type DueDelivery,
  findDueDelivery,
  findOverdue,
  recordAttempt,
  replaceJob,
} from './webhook-records.ts';
import { nextAttemptAt } from './webhook-schedule.ts';
import type { WebhookSender } from './webhook-sender.ts';

/** The receiver wants no more of it. */
const GONE = 410;

export interface WebhookEvents {
  attempted(outcome: 'delivered' | 'failed'): void;
  givenUp(): void;
}

/**
 * Delivers webhooks. The delivery is recorded by the statement that ends its batch, and each attempt is a job in the queue. A
 * process that is killed during an attempt leaves the job to another: the receiver may get the webhook twice, with the same ID.
 */
export class WebhookDeliveries {
  readonly #logger = new Logger('Webhooks');
  readonly #database: Database;
  readonly #queue: WebhookQueue;
  readonly #sender: Pick<WebhookSender, 'send'>;
  readonly #events: WebhookEvents;
  readonly #stopping = new AbortController();

  constructor(database: Database, queue: WebhookQueue, sender: Pick<WebhookSender, 'send'>, events: WebhookEvents) {
    this.#database = database;
    this.#queue = queue;
    this.#sender = sender;
    this.#events = events;
  }

  async start(): Promise<void> {
    await this.#queue.work(async (jobId) => {
      try {
        await this.#attempt(jobId);
      } catch (error) {
        if (!this.#stopping.signal.aborted)
          this.#logger.warn({ err: error }, 'A webhook could not be tried; trying again');
        throw error;
      }
    });
  }

  /** Running attempts are abandoned, and made again by another process. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#queue.stopWork();
  }

  /** Queues deliveries whose job is lost: the process that ended the batch was killed before it was queued. */
  async mend(): Promise<void> {
    const dataSource = await this.#database.ready();
    for (const { id, jobId } of await findOverdue(sqlOf(dataSource))) {
      if (await this.#queue.has(jobId)) continue;
      await inTransaction(dataSource, async (sql) => {
        const newJobId = v7();
        if (await replaceJob(sql, id, jobId, newJobId)) await this.#queue.add(sql, newJobId);
      });
    }
  }

  async #attempt(jobId: string): Promise<void> {
    const dataSource = await this.#database.ready();
    const delivery = await findDueDelivery(sqlOf(dataSource), jobId);
    if (!delivery) return;
    const attempt = await this.#sender.send(delivery, this.#stopping.signal);
    const after = afterAttempt(delivery, attempt);
    await inTransaction(dataSource, async (sql) => {
      const isCurrent = await recordAttempt(sql, delivery, attempt, after);
      if (isCurrent && after.state === 'waiting') {
        await this.#queue.add(sql, after.jobId, { startAfter: after.nextAttemptAt });
      }
    });
    this.#report(delivery, attempt, after);
  }

  #report({ id, batchId }: DueDelivery, { status, error }: Attempt, { state }: AfterAttempt): void {
    this.#events.attempted(error === null ? 'delivered' : 'failed');
    if (error === null) return;
    const facts = { webhookId: id, batchId, status, error };
    if (state === 'failed') {
      this.#events.givenUp();
      this.#logger.error(facts, 'A webhook was given up');
    } else {
      this.#logger.warn(facts, 'A webhook was not delivered; retrying');
    }
  }
}

function afterAttempt({ failures, startedAt }: DueDelivery, { status, error }: Attempt): AfterAttempt {
  if (error === null) return { state: 'delivered' };
  const next = status === GONE ? null : nextAttemptAt(failures + 1, startedAt, new Date());
  return next ? { state: 'waiting', jobId: v7(), nextAttemptAt: next } : { state: 'failed' };
}

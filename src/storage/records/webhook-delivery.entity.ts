import { EntitySchema } from 'typeorm';
import type { JobKind } from '../job.ts';

/** waiting: not delivered yet; delivered: the receiver took it; failed: given up, after a day or because it is gone. */
export type DeliveryState = 'waiting' | 'delivered' | 'failed';

/** The webhook of a batch that has ended */
export interface WebhookDeliveryRow {
  /** The same for each attempt: receivers recognize repetitions by it. */
  id: string;
  batchId: string;
  url: string;
  kind: JobKind;
  /** Of the batch when it ended, as are the counts */
  batchState: 'done' | 'canceled';
  counts: object;
  state: DeliveryState;
  /** ID of the job in the queue that may make the next attempt; an earlier job does nothing. */
  jobId: string;
  /** How many were made in all */
  attempts: number;
  /** Since `startedAt` */
  failures: number;
  /** Null unless it waits. */
  nextAttemptAt: Date | null;
  createdAt: Date;
  /** When it was recorded, or sent again by an operator */
  startedAt: Date;
}

export const webhookDeliveryEntity = new EntitySchema<WebhookDeliveryRow>({
  name: 'WebhookDelivery',
  tableName: 'webhook_deliveries',
  columns: {
    id: { type: 'uuid', primary: true, primaryKeyConstraintName: 'webhook_deliveries_pkey' },
    batchId: { name: 'batch_id', type: 'uuid' },
    url: { type: 'text' },
    kind: { type: 'text' },
    batchState: { name: 'batch_state', type: 'text' },
    counts: { type: 'jsonb' },
    state: { type: 'text', default: 'waiting' },
    jobId: { name: 'job_id', type: 'uuid' },
    attempts: { type: 'integer', default: 0 },
    failures: { type: 'integer', default: 0 },
    nextAttemptAt: {
      name: 'next_attempt_at',
      type: 'timestamptz',
      precision: 3,
      nullable: true,
      default: () => 'now()',
    },
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'now()' },
    startedAt: { name: 'started_at', type: 'timestamptz', precision: 3, default: () => 'now()' },
  },
  checks: [
    {
      name: 'webhook_deliveries_state',
      expression: `state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'failed'::text])`,
    },
  ],
  indices: [
    { name: 'webhook_deliveries_batch', columns: ['batchId'] },
    { name: 'webhook_deliveries_job', columns: ['jobId'] },
    { name: 'webhook_deliveries_waiting', columns: ['nextAttemptAt'], where: `state = 'waiting'` },
  ],
});

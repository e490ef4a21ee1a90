import { EntitySchema } from 'typeorm';
import type { JobKind } from '../job.ts';

/**
 * receiving: its files are still arriving; listing: a worker makes items of what is in its source; active: it has items that
 * wait or are being processed; finishing: a worker writes the manifest next to the results in S3; done: every item has an
 * outcome; canceled: the items that still waited were given up; failed: its source could not be listed, or its manifest not be
 * written.
 */
export type BatchState = 'receiving' | 'listing' | 'active' | 'finishing' | 'done' | 'canceled' | 'failed';

/** Many images that one request hands over, to be processed in the background. */
export interface BatchRow {
  id: string;
  state: BatchState;
  /** Null while it is received: the form may name the kind after its files. */
  kind: JobKind | null;
  options: object;
  /** The key that owns it; null: no key was required. */
  apiKeyName: string | null;
  requestId: string;
  /** Trace context of its request; null: it was not traced. */
  trace: object | null;
  /** As the client chose it; null: none. */
  idempotencyKey: string | null;
  /** SHA-256 of all that was sent, to compare requests with the same idempotency key */
  fingerprint: string | null;
  /** Batches of the same key are started in this order, the highest first. */
  priority: number;
  /** URL that is told when the batch has ended; null: none. */
  webhook: string | null;
  itemCount: number;
  doneCount: number;
  failedCount: number;
  deadCount: number;
  canceledCount: number;
  /** Position of the first item that was not given to a chunk yet */
  nextPosition: number;
  /** The folder in a bucket that has its images; null: they were sent. */
  source: object | null;
  /** Key of the last object that was listed; null: none yet. */
  sourceCursor: string | null;
  /** The folder in a bucket that gets the results; null: they are stored. */
  output: object | null;
  /** Why it failed; null: it did not. */
  errorCode: string | null;
  errorDetail: string | null;
  createdAt: Date;
  finishedAt: Date | null;
}

const count = (name: string) => ({ name, type: 'integer', default: 0 }) as const;

export const batchEntity = new EntitySchema<BatchRow>({
  name: 'Batch',
  tableName: 'batches',
  columns: {
    id: { type: 'uuid', primary: true, primaryKeyConstraintName: 'batches_pkey' },
    state: { type: 'text' },
    kind: { type: 'text', nullable: true },
    options: { type: 'jsonb' },
    apiKeyName: { name: 'api_key_name', type: 'text', nullable: true },
    requestId: { name: 'request_id', type: 'text' },
    trace: { type: 'jsonb', nullable: true },
    idempotencyKey: { name: 'idempotency_key', type: 'text', nullable: true },
    fingerprint: { type: 'text', nullable: true },
    priority: { type: 'integer', default: 0 },
    webhook: { type: 'text', nullable: true },
    itemCount: count('item_count'),
    doneCount: count('done_count'),
    failedCount: count('failed_count'),
    deadCount: count('dead_count'),
    canceledCount: count('canceled_count'),
    nextPosition: count('next_position'),
    source: { type: 'jsonb', nullable: true },
    sourceCursor: { name: 'source_cursor', type: 'text', nullable: true },
    output: { type: 'jsonb', nullable: true },
    errorCode: { name: 'error_code', type: 'text', nullable: true },
    errorDetail: { name: 'error_detail', type: 'text', nullable: true },
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'now()' },
    finishedAt: { name: 'finished_at', type: 'timestamptz', precision: 3, nullable: true },
  },
  checks: [
    {
      name: 'batches_state',
      expression: `state = ANY (ARRAY['receiving'::text, 'listing'::text, 'active'::text, 'finishing'::text, 'done'::text, 'canceled'::text, 'failed'::text])`,
    },
  ],
  indices: [
    { name: 'batches_created', columns: ['createdAt', 'id'] },
    { name: 'batches_key_created', columns: ['apiKeyName', 'createdAt', 'id'] },
    { name: 'batches_idempotency', columns: ['idempotencyKey'], where: 'idempotency_key IS NOT NULL' },
    { name: 'batches_unfinished', columns: ['apiKeyName'], where: `state = 'active'` },
  ],
});

import type { JobKind } from '../../storage/job.ts';
import type { DeliveryState } from '../../storage/records/webhook-delivery.entity.ts';
import type { S3Place } from '../s3-place.ts';
import type { Sql } from '../sql.ts';

/** The statements on webhooks: deliveries, and the attempts at them. */

/**
 * The part of a statement that ends a batch: records the delivery of its webhook, so that no crash can come between. `ended`
 * has the rows of `batches` that the statement changed, whether they have ended or not.
 */
export const RECORD_DELIVERY = `INSERT INTO webhook_deliveries (id, job_id, batch_id, url, kind, batch_state, counts)
  SELECT gen_random_uuid(), gen_random_uuid(), id, webhook, kind, state, jsonb_build_object('total', item_count,
    'done', done_count, 'failed', failed_count, 'dead', dead_count, 'canceled', canceled_count)
  FROM ended WHERE state IN ('done', 'canceled', 'failed') AND webhook IS NOT NULL RETURNING job_id`;

export interface DeliveryCounts {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly dead: number;
  readonly canceled: number;
}

/** A delivery that waits for its next attempt */
export interface DueDelivery {
  readonly id: string;
  readonly jobId: string;
  readonly batchId: string;
  readonly url: string;
  readonly kind: JobKind;
  /** Of the batch when it ended, as are the counts */
  readonly state: 'done' | 'canceled' | 'failed';
  readonly counts: DeliveryCounts;
  readonly output: S3Place | null;
  readonly createdAt: Date;
  /** When it was recorded, or sent again by an operator */
  readonly startedAt: Date;
  /** Since then */
  readonly failures: number;
}

/** Null: another job has taken its place, or its batch was deleted. */
export async function findDueDelivery(sql: Sql, jobId: string): Promise<DueDelivery | null> {
  const { rows } = await sql.query<DueDelivery>(
    `SELECT id, job_id AS "jobId", batch_id AS "batchId", url, kind, batch_state AS state, counts,
       (SELECT output FROM batches WHERE batches.id = batch_id), created_at AS "createdAt", started_at AS "startedAt",
       failures
     FROM webhook_deliveries WHERE job_id = $1 AND state = 'waiting'`,
    [jobId],
  );
  return rows[0] ?? null;
}

/** What came of one attempt. Without an error, it was delivered. */
export interface Attempt {
  readonly startedAt: Date;
  readonly durationMs: number;
  /** Null: there was no response. */
  readonly status: number | null;
  readonly error: string | null;
}

/** What becomes of a delivery after an attempt */
export type AfterAttempt =
  | { readonly state: 'delivered' | 'failed' }
  | { readonly state: 'waiting'; readonly jobId: string; readonly nextAttemptAt: Date };

/** @returns false if an operator sent it again meanwhile: the new job decides what becomes of it. */
export async function recordAttempt(
  sql: Sql,
  { id, jobId }: DueDelivery,
  { startedAt, durationMs, status, error }: Attempt,
  after: AfterAttempt,
): Promise<boolean> {
  await sql.query(
    `WITH delivery AS (UPDATE webhook_deliveries SET attempts = attempts + 1 WHERE id = $1 RETURNING id, attempts)
     INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, status, error)
     SELECT id, attempts, $2, $3, $4, $5 FROM delivery`,
    [id, startedAt, durationMs, status, error],
  );
  const next = after.state === 'waiting' ? after : null;
  const { rowCount } = await sql.query(
    `UPDATE webhook_deliveries SET state = $3, failures = failures + ($3 <> 'delivered')::int,
       next_attempt_at = $4, job_id = coalesce($5, job_id)
     WHERE id = $1 AND job_id = $2 AND state = 'waiting'`,
    [id, jobId, after.state, next?.nextAttemptAt ?? null, next?.jobId ?? null],
  );
  return rowCount > 0;
}

/** Starts a delivery anew, whatever became of it: with the same ID for its receiver. @returns null if there is none */
export async function restartDelivery(sql: Sql, batchId: string, id: string, jobId: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    `UPDATE webhook_deliveries SET state = 'waiting', failures = 0, started_at = now(), next_attempt_at = now(), job_id = $3
     WHERE batch_id = $1 AND id = $2`,
    [batchId, id, jobId],
  );
  return rowCount > 0;
}

/** Deliveries whose next attempt is overdue: their job may be lost. */
export async function findOverdue(sql: Sql): Promise<{ readonly id: string; readonly jobId: string }[]> {
  const { rows } = await sql.query<{ id: string; jobId: string }>(
    `SELECT id, job_id AS "jobId" FROM webhook_deliveries
     WHERE state = 'waiting' AND next_attempt_at < now() - interval '10 seconds'`,
  );
  return rows;
}

/** @returns false if it has another job already */
export async function replaceJob(sql: Sql, id: string, jobId: string, newJobId: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    `UPDATE webhook_deliveries SET job_id = $3 WHERE id = $1 AND job_id = $2 AND state = 'waiting'`,
    [id, jobId, newJobId],
  );
  return rowCount > 0;
}

export interface Delivery {
  readonly id: string;
  readonly url: string;
  readonly batchState: 'done' | 'canceled' | 'failed';
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly nextAttemptAt: Date | null;
  readonly createdAt: Date;
  /** The latest, newest first */
  readonly latest: readonly {
    readonly number: number;
    readonly startedAt: string;
    readonly durationMs: number;
    readonly status: number | null;
    readonly error: string | null;
  }[];
}

/** Newest first. */
export async function listDeliveries(sql: Sql, batchId: string, limit: number, attempts: number): Promise<Delivery[]> {
  const { rows } = await sql.query<Delivery>(
    `SELECT id, url, batch_state AS "batchState", state, attempts, next_attempt_at AS "nextAttemptAt",
       created_at AS "createdAt", latest
     FROM webhook_deliveries AS delivery, LATERAL (
       SELECT coalesce(json_agg(json_build_object('number', number, 'startedAt', started_at, 'durationMs', duration_ms,
         'status', status, 'error', error) ORDER BY number DESC), '[]') AS latest
       FROM (SELECT * FROM webhook_attempts WHERE delivery_id = delivery.id ORDER BY number DESC LIMIT $3) AS attempt
     ) AS attempts_of_it
     WHERE batch_id = $1 ORDER BY created_at DESC, id LIMIT $2`,
    [batchId, limit, attempts],
  );
  return rows;
}

export async function deleteDeliveries(sql: Sql, batchId: string): Promise<void> {
  await sql.query(
    `DELETE FROM webhook_attempts WHERE delivery_id IN (SELECT id FROM webhook_deliveries WHERE batch_id = $1)`,
    [batchId],
  );
  await sql.query(`DELETE FROM webhook_deliveries WHERE batch_id = $1`, [batchId]);
}

/** Of all batches */
export async function readWebhookBacklog(
  sql: Sql,
): Promise<{ readonly waiting: number; readonly oldestSeconds: number }> {
  const { rows } = await sql.query<{ waiting: number; oldestSeconds: number }>(
    `SELECT count(*)::float8 AS waiting,
       coalesce(extract(epoch FROM now() - min(started_at)), 0)::float8 AS "oldestSeconds"
     FROM webhook_deliveries WHERE state = 'waiting'`,
  );
  return rows[0]!;
}

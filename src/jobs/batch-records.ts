import { IDEMPOTENCY_HOURS } from '../config/idempotency.ts';
import type { BatchItemState } from '../storage/records/batch-item.entity.ts';
import type { BatchState } from '../storage/records/batch.entity.ts';
import type { JobKind } from '../storage/job.ts';
import type { TraceContext } from '../tracing/trace.ts';
import type { ChunkRange } from './batch-feeder.ts';
import type { S3Place } from './s3-place.ts';
import type { Sql } from './sql.ts';
import { deleteDeliveries, RECORD_DELIVERY } from './webhooks/webhook-records.ts';

/** The statements on batches and their items. Counts of a batch change in the statement that changes its item. */

export interface Batch {
  readonly id: string;
  readonly state: BatchState;
  readonly kind: JobKind;
  readonly options: Readonly<Record<string, unknown>>;
  readonly apiKeyName: string | null;
  readonly priority: number;
  readonly webhook: string | null;
  /** The folder in S3 that gets the results; null: they are stored. */
  readonly output: S3Place | null;
  readonly itemCount: number;
  readonly doneCount: number;
  readonly failedCount: number;
  readonly deadCount: number;
  readonly canceledCount: number;
  /** Why it failed; null: it did not. */
  readonly error: ItemError | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

const BATCH_COLUMNS = `id, state, kind, options, api_key_name AS "apiKeyName", priority, webhook, output, item_count AS "itemCount",
  done_count AS "doneCount", failed_count AS "failedCount", dead_count AS "deadCount",
  canceled_count AS "canceledCount", CASE WHEN error_code IS NOT NULL
    THEN json_build_object('code', error_code, 'detail', error_detail) END AS error, created_at AS "createdAt", finished_at AS "finishedAt"`;

export interface BatchItem {
  readonly position: number;
  readonly name: string;
  readonly state: BatchItemState;
  readonly attempts: number;
  readonly inputSha256: string | null;
  readonly inputBytes: number | null;
  readonly error: ItemError | null;
  readonly outcome: ItemOutcome | null;
  readonly result: ItemResult | null;
}

export interface ItemError {
  readonly code: string;
  readonly detail: string;
}

/** What the response to a single image would say, without what is only of use there. */
export type ItemOutcome = Readonly<Record<string, unknown>>;

/** The masked image */
export interface ItemResult {
  /** In the object store, or in the bucket of the batch's output */
  readonly key: string;
  readonly type: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly crc: number;
}

const ITEM_COLUMNS = `position, name, state, attempts, input_sha256, input_bytes, error_code, error_detail, outcome,
  result_key, result_type, result_bytes, result_sha256, result_crc`;

interface ItemColumns {
  position: number;
  name: string;
  state: BatchItemState;
  attempts: number;
  input_sha256: string | null;
  input_bytes: number | null;
  error_code: string | null;
  error_detail: string | null;
  outcome: ItemOutcome | null;
  result_key: string | null;
  result_type: string;
  result_bytes: number;
  result_sha256: string;
  result_crc: string;
}

function toItem(row: ItemColumns): BatchItem {
  return {
    position: row.position,
    name: row.name,
    state: row.state,
    attempts: row.attempts,
    inputSha256: row.input_sha256,
    inputBytes: row.input_bytes,
    error: row.error_code === null ? null : { code: row.error_code, detail: row.error_detail ?? '' },
    outcome: row.outcome,
    result:
      row.result_key === null
        ? null
        : {
            key: row.result_key,
            type: row.result_type,
            bytes: row.result_bytes,
            sha256: row.result_sha256,
            crc: Number(row.result_crc),
          },
  };
}

/** A file as it arrived, or the URL at which a worker reads it */
export interface NewItem {
  readonly position: number;
  readonly name: string;
  /** Null: it was rejected, as `error` says. */
  readonly input: StoredInput | { readonly url: string } | null;
  readonly error: ItemError | null;
}

interface StoredInput {
  readonly key: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Where the file of an item is: in the object store, or elsewhere */
export type ItemInput = { readonly key: string } | { readonly url: string };

/** What was read: known for stored files from the start, for the others when they are processed. */
export type ReadInput = Omit<StoredInput, 'key'>;

export async function insertBatch(
  sql: Sql,
  id: string,
  apiKeyName: string | null,
  requestId: string,
  trace: TraceContext | null = null,
): Promise<void> {
  await sql.query(
    `INSERT INTO batches (id, state, options, api_key_name, request_id, trace) VALUES ($1, 'receiving', '{}', $2, $3, $4)`,
    [id, apiKeyName, requestId, trace && JSON.stringify(trace)],
  );
}

export async function insertItems(sql: Sql, batchId: string, items: readonly NewItem[]): Promise<void> {
  await sql.query(
    `INSERT INTO batch_items (batch_id, position, name, state, input_key, input_url, input_bytes, input_sha256,
       error_code, error_detail, finished_at)
     SELECT $1, position, name, CASE WHEN error_code IS NULL THEN 'waiting' ELSE 'failed' END, input_key, input_url,
       input_bytes, input_sha256, error_code, error_detail, CASE WHEN error_code IS NOT NULL THEN now() END
     FROM unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::text[], $9::text[])
       AS item (position, name, input_key, input_url, input_bytes, input_sha256, error_code, error_detail)`,
    [
      batchId,
      items.map(({ position }) => position),
      items.map(({ name }) => name),
      items.map(({ input }) => (input && 'key' in input ? input.key : null)),
      items.map(({ input }) => (input && 'url' in input ? input.url : null)),
      items.map(({ input }) => (input && 'key' in input ? input.bytes : null)),
      items.map(({ input }) => (input && 'key' in input ? input.sha256 : null)),
      items.map(({ error }) => error?.code ?? null),
      items.map(({ error }) => error?.detail ?? null),
    ],
  );
}

export interface BatchOrder {
  readonly kind: JobKind;
  readonly options: Readonly<Record<string, unknown>>;
  readonly priority: number;
  /** URL that is told when the batch has ended */
  readonly webhook?: string;
  /** Where a worker finds the images; they were sent if there is none. */
  readonly source?: S3Place;
  /** Where the results are written to; they are stored if there is none. */
  readonly output?: S3Place;
}

/** The batch is complete: a worker can make its items. */
export async function startListing(sql: Sql, id: string, order: BatchOrder): Promise<void> {
  await sql.query(
    `UPDATE batches SET kind = $2, options = $3, priority = $4, source = $5, webhook = $6, output = $7,
       state = 'listing' WHERE id = $1`,
    [
      id,
      order.kind,
      JSON.stringify(order.options),
      order.priority,
      JSON.stringify(order.source),
      order.webhook ?? null,
      toJson(order.output),
    ],
  );
}

export interface Listing extends Omit<BatchOrder, 'source' | 'webhook' | 'output'> {
  readonly webhook: string | null;
  readonly output: S3Place | null;
  readonly id: string;
  readonly apiKeyName: string | null;
  readonly source: S3Place;
  /** Key of the last object that has an item; null: none has. */
  readonly cursor: string | null;
  readonly itemCount: number;
}

/** Null: it is complete, or its batch was canceled or deleted. */
export async function findListing(sql: Sql, id: string): Promise<Listing | null> {
  const { rows } = await sql.query<Listing>(
    `SELECT id, api_key_name AS "apiKeyName", kind, options, priority, webhook, output, source, source_cursor AS cursor,
       item_count AS "itemCount" FROM batches WHERE id = $1 AND state = 'listing'`,
    [id],
  );
  return rows[0] ?? null;
}

/** @returns false if it does not stand where it was read */
export async function advanceListing(
  sql: Sql,
  { id, cursor }: Listing,
  next: string | null,
  itemCount: number,
): Promise<boolean> {
  const { rowCount } = await sql.query(
    `UPDATE batches SET source_cursor = coalesce($3, source_cursor), item_count = $4
     WHERE id = $1 AND state = 'listing' AND source_cursor IS NOT DISTINCT FROM $2`,
    [id, cursor, next, itemCount],
  );
  return rowCount > 0;
}

/** What a statement that may end a batch has made of it */
export interface BatchEnd {
  readonly state: BatchState;
  /** The job of its webhook if it has one and has ended */
  readonly webhookJobId: string | null;
}

/** After `ended` and `recorded` */
export const SELECT_END = `SELECT state, (SELECT job_id FROM recorded) AS "webhookJobId" FROM ended`;

/** Without items: none was processed. */
export async function failListing(sql: Sql, id: string, { code, detail }: ItemError): Promise<BatchEnd | null> {
  await sql.query(`DELETE FROM batch_items WHERE batch_id = $1`, [id]);
  const { rows } = await sql.query<BatchEnd>(
    `WITH ended AS (
       UPDATE batches SET state = 'failed', item_count = 0, error_code = $2, error_detail = $3, finished_at = now()
       WHERE id = $1 AND state = 'listing' RETURNING *),
     recorded AS (${RECORD_DELIVERY}) ${SELECT_END}`,
    [id, code, detail],
  );
  return rows[0] ?? null;
}

/** With results in S3, the manifest is to be written yet. */
const AFTER_LAST_ITEM = `CASE WHEN output IS NULL THEN 'done' ELSE 'finishing' END`;

/** The batch is complete: its items can be processed. Those that were rejected count already. */
export async function activateBatch(
  sql: Sql,
  id: string,
  order: Pick<BatchOrder, 'kind' | 'options' | 'priority'> & {
    readonly webhook?: string | null;
    readonly output?: S3Place | null;
  },
  itemCount: number,
): Promise<BatchEnd> {
  const { rows } = await sql.query<BatchEnd>(
    `WITH ended AS (
       UPDATE batches SET kind = $2, options = $3, priority = $4, webhook = $6, output = $7, item_count = $5,
         failed_count = failed,
         state = CASE WHEN failed < $5 THEN 'active' WHEN $7::jsonb IS NULL THEN 'done' ELSE 'finishing' END,
         finished_at = CASE WHEN failed = $5 AND $7::jsonb IS NULL THEN now() END
       FROM (SELECT count(*)::int AS failed FROM batch_items WHERE batch_id = $1 AND state = 'failed') AS rejected
       WHERE id = $1 RETURNING batches.*),
     recorded AS (${RECORD_DELIVERY}) ${SELECT_END}`,
    [
      id,
      order.kind,
      JSON.stringify(order.options),
      order.priority,
      itemCount,
      order.webhook ?? null,
      toJson(order.output),
    ],
  );
  return rows[0]!;
}

function toJson(place: S3Place | null | undefined): string | null {
  return place ? JSON.stringify(place) : null;
}

/** What was sent before with the same idempotency key */
export interface EarlierBatch {
  readonly id: string;
  readonly fingerprint: string;
}

/** Until the transaction ends, no other batch with this idempotency key is completed. */
export async function findEarlierBatch(
  sql: Sql,
  apiKeyName: string | null,
  idempotencyKey: string,
): Promise<EarlierBatch | null> {
  await sql.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`face-api idempotency ${idempotencyKey}`]);
  const { rows } = await sql.query<EarlierBatch>(
    `SELECT id, fingerprint FROM batches WHERE idempotency_key = $2 AND api_key_name IS NOT DISTINCT FROM $1
       AND created_at > now() - make_interval(hours => $3)`,
    [apiKeyName, idempotencyKey, IDEMPOTENCY_HOURS],
  );
  return rows[0] ?? null;
}

export async function markBatch(sql: Sql, id: string, idempotencyKey: string, fingerprint: string): Promise<void> {
  await sql.query(`UPDATE batches SET idempotency_key = $2, fingerprint = $3 WHERE id = $1`, [
    id,
    idempotencyKey,
    fingerprint,
  ]);
}

export async function deleteBatch(sql: Sql, id: string): Promise<void> {
  await sql.query(`DELETE FROM batch_chunks WHERE batch_id = $1`, [id]);
  await sql.query(`DELETE FROM batch_items WHERE batch_id = $1`, [id]);
  await deleteDeliveries(sql, id);
  await sql.query(`DELETE FROM batches WHERE id = $1`, [id]);
}

/** Which batches somebody may see: those of the key. A service without keys has one owner: everybody. */
export type Owner = { readonly apiKeyName: string | null } | 'operator';

/** Null: there is no such batch, it belongs to another key, or it is still being received. */
export async function findBatch(sql: Sql, id: string, owner: Owner): Promise<Batch | null> {
  const { rows } = await sql.query<Batch>(
    `SELECT ${BATCH_COLUMNS} FROM batches WHERE id = $1 AND state <> 'receiving' AND ${OWNED}`,
    [id, ...ownedBy(owner)],
  );
  return rows[0] ?? null;
}

/** Newest first, after the given one. */
export async function listBatches(
  sql: Sql,
  owner: Owner,
  limit: number,
  after: Pick<Batch, 'createdAt' | 'id'> | null,
): Promise<Batch[]> {
  const { rows } = await sql.query<Batch>(
    `SELECT ${BATCH_COLUMNS} FROM batches WHERE state <> 'receiving' AND ${OWNED}
       AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
     ORDER BY created_at DESC, id DESC LIMIT $1`,
    [limit, ...ownedBy(owner), after?.createdAt ?? null, after?.id ?? null],
  );
  return rows;
}

const OWNED = `($2::boolean OR api_key_name IS NOT DISTINCT FROM $3)`;

function ownedBy(owner: Owner): [isOperator: boolean, apiKeyName: string | null] {
  return owner === 'operator' ? [true, null] : [false, owner.apiKeyName];
}

/** In the order of their positions, from the given one on. */
export async function listItems(
  sql: Sql,
  batchId: string,
  { from, limit, state = null }: { from: number; limit: number; state?: BatchItemState | null },
): Promise<BatchItem[]> {
  const { rows } = await sql.query<ItemColumns>(
    `SELECT ${ITEM_COLUMNS} FROM batch_items
     WHERE batch_id = $1 AND position >= $2 AND ($4::text IS NULL OR state = $4) ORDER BY position LIMIT $3`,
    [batchId, from, limit, state],
  );
  return rows.map(toItem);
}

const ITEMS_PER_PAGE = 500;

/** In the order of their positions. */
export async function* allItems(sql: Sql, batchId: string): AsyncGenerator<BatchItem> {
  let from = 0;
  for (;;) {
    const items = await listItems(sql, batchId, { from, limit: ITEMS_PER_PAGE });
    yield* items;
    if (items.length < ITEMS_PER_PAGE) return;
    from = items.at(-1)!.position + 1;
  }
}

/** Items that failed for the same reason */
export interface FailureGroup {
  readonly state: 'failed' | 'dead';
  readonly code: string;
  readonly count: number;
  /** The first of them */
  readonly files: { readonly name: string; readonly detail: string }[];
}

/** As in the index of such items, which is used only where a statement says so */
const UNSUCCESSFUL = `state = ANY (ARRAY['failed', 'dead'])`;

/** The most frequent reason first. */
export async function groupFailures(sql: Sql, batchId: string, filesPerGroup: number): Promise<FailureGroup[]> {
  const { rows } = await sql.query<FailureGroup>(
    `SELECT state, code, count, files FROM (
       SELECT state, error_code AS code, count(*)::int AS count FROM batch_items
       WHERE batch_id = $1 AND ${UNSUCCESSFUL} GROUP BY state, error_code) AS reason,
     LATERAL (
       SELECT json_agg(json_build_object('name', name, 'detail', detail) ORDER BY position) AS files FROM (
         SELECT position, name, coalesce(error_detail, '') AS detail FROM batch_items
         WHERE batch_id = $1 AND ${UNSUCCESSFUL} AND state = reason.state AND error_code = reason.code
         ORDER BY position LIMIT $2) AS item) AS first
     ORDER BY count DESC, state, code`,
    [batchId, filesPerGroup],
  );
  return rows;
}

export interface Chunk extends ChunkRange {
  readonly kind: JobKind;
  /** Of the request that sent the batch; null: it was not traced. */
  readonly trace: TraceContext | null;
  readonly options: Readonly<Record<string, unknown>>;
  readonly output: S3Place | null;
}

/** Null: it was finished, or its batch was canceled or deleted. */
export async function findChunk(sql: Sql, id: string): Promise<Chunk | null> {
  const { rows } = await sql.query<Chunk>(
    `SELECT batch_id AS "batchId", chunk.api_key_name AS "apiKeyName", first_position AS first, last_position AS last,
       kind, trace, options, output
     FROM batch_chunks AS chunk JOIN batches ON batches.id = batch_id WHERE chunk.id = $1 AND state = 'active'`,
    [id],
  );
  return rows[0] ?? null;
}

/** Items of the chunk that can be processed now */
export async function findDueItems(sql: Sql, { batchId, first, last }: ChunkRange): Promise<number[]> {
  const { rows } = await sql.query<{ position: number }>(
    `SELECT position FROM batch_items WHERE batch_id = $1 AND position BETWEEN $2 AND $3 AND state = 'waiting'
       AND (not_before IS NULL OR not_before <= now()) ORDER BY position`,
    [batchId, first, last],
  );
  return rows.map(({ position }) => position);
}

export interface StartedItem {
  readonly attempts: number;
  readonly input: ItemInput;
  /** Of its result in S3 */
  readonly resultName: string;
}

/**
 * Counts the attempt before it begins, so that an item that ends its process is noticed. The count need not survive a failure
 * of the database's machine: the statement does not wait for the disk. Null: the item has an outcome.
 */
export async function startItem(sql: Sql, batchId: string, position: number): Promise<StartedItem | null> {
  const { rows } = await sql.query<{ attempts: number; key: string | null; url: string; resultName: string }>(
    `UPDATE batch_items SET attempts = attempts + 1 WHERE batch_id = $1 AND position = $2 AND state = 'waiting'
       AND set_config('synchronous_commit', 'off', true) = 'off'
     RETURNING attempts, input_key AS key, input_url AS url, coalesce(result_name, name) AS "resultName"`,
    [batchId, position],
  );
  const [row] = rows;
  if (!row) return null;
  const { attempts, key, url, resultName } = row;
  return { attempts, resultName, input: key === null ? { url } : { key } };
}

/** An attempt at an item. It is of no effect after a later one has started: its worker was taken for dead. */
export interface Attempt {
  readonly batchId: string;
  readonly position: number;
  readonly attempts: number;
}

const IS_LATEST = `batch_id = $1 AND position = $2 AND attempts = $3 AND state = 'waiting'`;

function latest({ batchId, position, attempts }: Attempt): [batchId: string, position: number, attempts: number] {
  return [batchId, position, attempts];
}

export async function isLatest(sql: Sql, attempt: Attempt): Promise<boolean> {
  const { rowCount } = await sql.query(`SELECT FROM batch_items WHERE ${IS_LATEST}`, latest(attempt));
  return rowCount > 0;
}

/** The attempt does not count: the item was not to blame. */
export async function undoAttempt(sql: Sql, attempt: Attempt): Promise<void> {
  await sql.query(`UPDATE batch_items SET attempts = attempts - 1 WHERE ${IS_LATEST}`, latest(attempt));
}

export async function postponeItem(sql: Sql, attempt: Attempt, seconds: number, error: ItemError): Promise<void> {
  await sql.query(
    `UPDATE batch_items SET not_before = now() + $4 * interval '1 second', error_code = $5, error_detail = $6
     WHERE ${IS_LATEST}`,
    [...latest(attempt), seconds, error.code, error.detail],
  );
}

export type Settlement =
  | {
      readonly state: 'done';
      readonly outcome: ItemOutcome;
      /** Null: it is known already. */
      readonly input: ReadInput | null;
      readonly result: ItemResult | null;
    }
  | { readonly state: 'failed' | 'dead'; readonly error: ItemError };

/**
 * Writes the outcome of an item, once: of several workers, the one that started last. The batch is done with its last item. A
 * URL, which may contain a signature, is kept only as long as it may be needed again.
 * @returns null if the item already has an outcome, was canceled, or a later attempt has started
 */
export async function settleItem(sql: Sql, attempt: Attempt, settlement: Settlement): Promise<BatchEnd | null> {
  const { state } = settlement;
  const { outcome, input, result } = state === 'done' ? settlement : { outcome: null, input: null, result: null };
  const error = state === 'done' ? null : settlement.error;
  const { rows } = await sql.query<BatchEnd>(
    `WITH settled AS (
       UPDATE batch_items SET state = $4, outcome = $5, error_code = $6, error_detail = $7, result_key = $8,
         result_type = $9, result_bytes = $10, result_sha256 = $11, result_crc = $12, not_before = NULL,
         input_bytes = coalesce($13, input_bytes), input_sha256 = coalesce($14, input_sha256),
         input_url = CASE WHEN $4 = 'dead' THEN input_url END, finished_at = now()
       WHERE ${IS_LATEST} RETURNING 1),
     ended AS (
       UPDATE batches SET done_count = done_count + ($4 = 'done')::int, failed_count = failed_count + ($4 = 'failed')::int,
         dead_count = dead_count + ($4 = 'dead')::int,
         state = CASE WHEN ${IS_LAST} THEN ${AFTER_LAST_ITEM} ELSE state END,
         finished_at = CASE WHEN ${IS_LAST} AND output IS NULL THEN now() ELSE finished_at END
       WHERE id = $1 AND EXISTS (SELECT FROM settled) RETURNING *),
     recorded AS (${RECORD_DELIVERY}) ${SELECT_END}`,
    [
      ...latest(attempt),
      state,
      outcome && JSON.stringify(outcome),
      error?.code ?? null,
      error?.detail ?? null,
      result?.key ?? null,
      result?.type ?? null,
      result?.bytes ?? null,
      result?.sha256 ?? null,
      result?.crc ?? null,
      input?.bytes ?? null,
      input?.sha256 ?? null,
    ],
  );
  return rows[0] ?? null;
}

const IS_LAST = `done_count + failed_count + dead_count + canceled_count + 1 = item_count`;

/** @returns false if it was finished by another worker, or its batch was canceled */
export async function deleteChunk(sql: Sql, id: string): Promise<boolean> {
  const { rowCount } = await sql.query(`DELETE FROM batch_chunks WHERE id = $1`, [id]);
  return rowCount > 0;
}

/** When the next item of the chunk can be processed; null: none is left. */
export async function nextAttempt(sql: Sql, { batchId, first, last }: ChunkRange): Promise<Date | null> {
  const { rows } = await sql.query<{ at: Date | null }>(
    `SELECT min(coalesce(not_before, now())) AS at FROM batch_items
     WHERE batch_id = $1 AND position BETWEEN $2 AND $3 AND state = 'waiting'`,
    [batchId, first, last],
  );
  return rows[0]!.at;
}

/**
 * Gives up the items that wait. Items first, as a worker does, so that the two cannot block each other. If results are in S3,
 * their manifest is to be written yet.
 */
export async function cancelBatch(sql: Sql, id: string): Promise<BatchEnd | null> {
  const { rowCount } = await sql.query(
    `UPDATE batch_items SET state = 'canceled', input_url = NULL, finished_at = now() WHERE batch_id = $1 AND state = 'waiting'`,
    [id],
  );
  const { rows } = await sql.query<BatchEnd>(
    `WITH ended AS (
       UPDATE batches SET canceled_count = canceled_count + $2,
         state = CASE WHEN ${HAS_RESULTS_IN_S3} THEN 'finishing' ELSE 'canceled' END,
         finished_at = CASE WHEN ${HAS_RESULTS_IN_S3} THEN NULL ELSE now() END
       WHERE id = $1 AND state IN ('listing', 'active') RETURNING *),
     recorded AS (${RECORD_DELIVERY}) ${SELECT_END}`,
    [id, rowCount],
  );
  await sql.query(`DELETE FROM batch_chunks WHERE batch_id = $1`, [id]);
  return rows[0] ?? null;
}

const HAS_RESULTS_IN_S3 = `state = 'active' AND output IS NOT NULL`;

/**
 * Lets the dead items of a finished batch wait again.
 * @returns how many
 */
export async function requeueDead(sql: Sql, id: string): Promise<number> {
  const { rowCount } = await sql.query(
    `UPDATE batch_items SET state = 'waiting', attempts = 0, error_code = NULL, error_detail = NULL, finished_at = NULL
     WHERE batch_id = $1 AND state = 'dead'`,
    [id],
  );
  if (rowCount > 0) {
    await sql.query(
      `UPDATE batches SET state = 'active', dead_count = 0, next_position = 0, finished_at = NULL, error_code = NULL,
         error_detail = NULL WHERE id = $1`,
      [id],
    );
  }
  return rowCount;
}

/** Locks the batch until the transaction ends. */
export async function lockBatch(sql: Sql, id: string): Promise<void> {
  await sql.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`face-api batch ${id}`]);
}

/** Of all keys */
export async function readBacklog(sql: Sql): Promise<{ readonly items: number; readonly oldestSeconds: number }> {
  const { rows } = await sql.query<{ items: number; oldestSeconds: number }>(
    `SELECT coalesce(sum(item_count - done_count - failed_count - dead_count - canceled_count), 0)::float8 AS items,
       coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS "oldestSeconds"
     FROM batches WHERE state = 'active'`,
  );
  return rows[0]!;
}

import { type BatchEnd, type ItemError, SELECT_END } from './batch-records.ts';
import { ResultNames } from './results/result-names.ts';
import type { S3Place } from './s3-place.ts';
import type { Sql } from './sql.ts';
import { RECORD_DELIVERY } from './webhooks/webhook-records.ts';

/** The statements on batches whose results are written to S3 */

const ITEMS_PER_PAGE = 2000;

/** Before any item is processed: the name of a result must not depend on which worker is faster. */
export async function nameResults(sql: Sql, batchId: string): Promise<void> {
  const names = new ResultNames();
  const positions: number[] = [];
  const renamed: string[] = [];
  for (let from = 0, isLast = false; !isLast; from += ITEMS_PER_PAGE) {
    const { rows } = await sql.query<{ position: number; name: string }>(
      `SELECT position, name FROM batch_items WHERE batch_id = $1 AND position >= $2 AND position < $3 ORDER BY position`,
      [batchId, from, from + ITEMS_PER_PAGE],
    );
    for (const { position, name } of rows) {
      const unique = names.take(name);
      if (unique === name) continue;
      positions.push(position);
      renamed.push(unique);
    }
    isLast = rows.length < ITEMS_PER_PAGE;
  }
  await sql.query(
    `UPDATE batch_items SET result_name = renamed.name FROM unnest($2::int[], $3::text[]) AS renamed (at, name)
     WHERE batch_id = $1 AND position = at`,
    [batchId, positions, renamed],
  );
}

/** Until the transaction ends, no other batch starts to write to this place. */
export async function isOutputInUse(sql: Sql, place: S3Place): Promise<boolean> {
  const json = JSON.stringify(place);
  await sql.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`face-api output ${json}`]);
  const { rowCount } = await sql.query(
    `SELECT FROM batches WHERE state IN ('listing', 'active', 'finishing') AND output = $1::jsonb`,
    [json],
  );
  return rowCount > 0;
}

/** @param error why the manifest cannot be written; null: it is */
export async function finishBatch(sql: Sql, id: string, error: ItemError | null): Promise<BatchEnd | null> {
  const { rows } = await sql.query<BatchEnd>(
    `WITH ended AS (
       UPDATE batches SET error_code = $2::text, error_detail = $3, finished_at = now(),
         state = CASE WHEN $2::text IS NOT NULL THEN 'failed' WHEN canceled_count > 0 THEN 'canceled' ELSE 'done' END
       WHERE id = $1 AND state = 'finishing' RETURNING *),
     recorded AS (${RECORD_DELIVERY}) ${SELECT_END}`,
    [id, error?.code ?? null, error?.detail ?? null],
  );
  return rows[0] ?? null;
}

/** @returns whether the batch has failed because its manifest could not be written, which can be tried again */
export async function restartFinishing(sql: Sql, id: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    `UPDATE batches SET state = 'finishing', error_code = NULL, error_detail = NULL, finished_at = NULL
     WHERE id = $1 AND state = 'failed' AND output IS NOT NULL AND item_count > 0`,
    [id],
  );
  return rowCount > 0;
}

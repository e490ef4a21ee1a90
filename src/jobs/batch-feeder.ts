import { v7 } from 'uuid';
import type { BatchQueue } from './batch-queue.ts';
import type { Sql } from './sql.ts';

/** Large ones cost the queue little; small ones at the end of a batch keep all workers busy until it is done. */
const ITEMS_PER_CHUNK = { most: 100, fewest: 5 };
/** Enough for as many workers; with more, the queue grows and a new batch of the same key starts later. */
const CHUNKS_PER_KEY = 16;

/**
 * Keeps a few chunks of each API key in the queue. The queue therefore stays short, however many items wait. A chunk has a
 * lower priority the more chunks its key already has there: the key with the fewest comes first, so that a batch of ten items
 * does not wait for one of 100,000 that belongs to another key.
 */
export class BatchFeeder {
  readonly #queue: BatchQueue;

  constructor(queue: BatchQueue) {
    this.#queue = queue;
  }

  /** Before a transaction: the start of the queue needs further connections. */
  async prepare(): Promise<void> {
    await this.#queue.ready();
  }

  /** Puts the next items of the key into the queue, in the transaction that made room for them. */
  async feed(sql: Sql, apiKeyName: string | null): Promise<void> {
    await sql.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`face-api batches ${apiKeyName ?? ''}`]);
    let queued = await countChunks(sql, apiKeyName);
    while (queued < CHUNKS_PER_KEY) {
      const range = await takeNext(sql, apiKeyName);
      if (!range) return;
      await this.add(sql, range, queued);
      queued++;
    }
  }

  /** Puts the rest of a chunk into the queue again. */
  async addRest(sql: Sql, range: ChunkRange, startAfter: Date | null): Promise<void> {
    const queued = await countChunks(sql, range.apiKeyName);
    await this.add(sql, range, queued, startAfter);
  }

  private async add(sql: Sql, range: ChunkRange, queued: number, startAfter: Date | null = null): Promise<void> {
    const { batchId, apiKeyName, first, last } = range;
    const id = v7();
    await sql.query(
      `INSERT INTO batch_chunks (id, batch_id, api_key_name, first_position, last_position) VALUES ($1, $2, $3, $4, $5)`,
      [id, batchId, apiKeyName, first, last],
    );
    await this.#queue.add(sql, id, { priority: -queued, ...(startAfter && { startAfter }) });
  }
}

/** Neighboring items of a batch */
export interface ChunkRange {
  readonly batchId: string;
  readonly apiKeyName: string | null;
  readonly first: number;
  /** Inclusive. */
  readonly last: number;
}

async function countChunks(sql: Sql, apiKeyName: string | null): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM batch_chunks WHERE api_key_name IS NOT DISTINCT FROM $1`,
    [apiKeyName],
  );
  return rows[0]!.count;
}

/** Undefined: all items of this key were given to chunks. */
async function takeNext(sql: Sql, apiKeyName: string | null): Promise<ChunkRange | undefined> {
  for (;;) {
    const { rows } = await sql.query<{ id: string; next: number; left: number }>(
      `SELECT id, next_position AS next, item_count - next_position AS left FROM batches
       WHERE state = 'active' AND api_key_name IS NOT DISTINCT FROM $1 AND next_position < item_count
       ORDER BY priority DESC, created_at, id LIMIT 1`,
      [apiKeyName],
    );
    const batch = rows[0];
    if (!batch) return undefined;
    const range = await waitingFrom(sql, batch.id, batch.next, itemsOfChunk(batch.left));
    await sql.query(`UPDATE batches SET next_position = coalesce($2, item_count) WHERE id = $1`, [
      batch.id,
      range && range.last + 1,
    ]);
    if (range) return { batchId: batch.id, apiKeyName, ...range };
  }
}

/** Half of the rest, shared by all chunks: they get smaller towards the end of the batch. */
function itemsOfChunk(left: number): number {
  return Math.max(ITEMS_PER_CHUNK.fewest, Math.min(ITEMS_PER_CHUNK.most, Math.ceil(left / 2 / CHUNKS_PER_KEY)));
}

async function waitingFrom(
  sql: Sql,
  batchId: string,
  from: number,
  count: number,
): Promise<{ first: number; last: number } | null> {
  const { rows } = await sql.query<{ first: number | null; last: number }>(
    `SELECT min(position) AS first, max(position) AS last FROM (
       SELECT position FROM batch_items WHERE batch_id = $1 AND state = 'waiting' AND position >= $2
       ORDER BY position LIMIT $3) AS waiting`,
    [batchId, from, count],
  );
  const { first, last } = rows[0]!;
  return first === null ? null : { first, last };
}

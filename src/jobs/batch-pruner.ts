import { batchPrefix, UNFINISHED_BATCH_OBJECTS } from '../storage/objects/object-keys.ts';
import type { ObjectStore } from '../storage/objects/object-store.ts';
import type { Database } from '../storage/records/database.ts';
import { withLockIfFree } from '../storage/records/locks.ts';
import { deleteBatch } from './batch-records.ts';
import { inTransaction, sqlOf } from './sql.ts';

const HOUR_MS = 3_600_000;

/** Deletes batches after their retention time, and what is left of uploads whose process was killed. */
export class BatchPruner {
  readonly #database: Database;
  readonly #objects: ObjectStore;
  readonly #retentionMs: number;
  readonly #uploadMs: number;

  /** @param uploadMs how long a batch may take to arrive */
  constructor(database: Database, objects: ObjectStore, retentionMs: number, uploadMs: number) {
    this.#database = database;
    this.#objects = objects;
    this.#retentionMs = retentionMs;
    this.#uploadMs = uploadMs;
  }

  /** One process at a time. @returns the number of batches */
  async prune(now = Date.now()): Promise<number> {
    const dataSource = await this.#database.ready();
    const pruned = await withLockIfFree(dataSource, 'batch pruning', async () => {
      const { rows } = await sqlOf(dataSource).query<{ id: string }>(
        `SELECT id FROM batches WHERE finished_at < $1 OR (state = 'receiving' AND created_at < $2)`,
        [new Date(now - this.#retentionMs), new Date(now - this.#uploadMs - HOUR_MS)],
      );
      for (const { id } of rows) await this.#delete(id);
      await this.#deleteUnfinished(new Date(now - HOUR_MS));
      return rows.length;
    });
    return pruned ?? 0;
  }

  /** Of puts whose process was killed */
  async #deleteUnfinished(olderThan: Date): Promise<void> {
    for await (const { key, modifiedAt } of this.#objects.list(UNFINISHED_BATCH_OBJECTS)) {
      if (modifiedAt < olderThan) await this.#objects.delete(key);
    }
  }

  /** Objects first: if one cannot be deleted, the rows stay for the next time. */
  async #delete(id: string): Promise<void> {
    for await (const { key } of this.#objects.list(batchPrefix(id))) await this.#objects.delete(key);
    await inTransaction(await this.#database.ready(), (sql) => deleteBatch(sql, id));
  }
}

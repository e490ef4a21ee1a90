import type { DataSource } from 'typeorm';
import { ownerOf, STORED_IMAGES } from '../objects/object-keys.ts';
import type { ObjectStore, StoredObject } from '../objects/object-store.ts';
import { recordAudit } from '../records/audit-records.ts';
import type { Database } from '../records/database.ts';
import { withLockIfFree, lockImage, lockJob } from '../records/locks.ts';
import { namedByRows } from '../records/named-objects.ts';
import type { Spool } from '../spool/spool.ts';

/** Younger objects may belong to a job whose row is about to be written; younger jobs are not stuck yet. */
export const GRACE_MS = 3_600_000;
const BATCH = 500;
const CONCURRENCY = 8;

export interface Reconciliation {
  /** Objects that no row names. Repair: deleted. */
  readonly orphans: readonly string[];
  /** Objects that a row names and that do not exist. Repair: the row says that the object is lost. */
  readonly missing: readonly string[];
  /** Jobs that have waited in the spool of this data folder for over an hour. Repair: retried at once. */
  readonly stuck: readonly string[];
}

/** Compares the tables, the object store and the spool, and repairs differences. */
export class Reconciler {
  readonly #database: Database;
  readonly #objects: ObjectStore;
  readonly #spool: Spool;
  readonly #retryNow: () => void;
  readonly #graceMs: number;

  /** @param retryNow retries all jobs in the spool at once */
  constructor(database: Database, objects: ObjectStore, spool: Spool, retryNow: () => void, graceMs = GRACE_MS) {
    this.#database = database;
    this.#objects = objects;
    this.#spool = spool;
    this.#retryNow = retryNow;
    this.#graceMs = graceMs;
  }

  /** @returns null if another instance is reconciling */
  async reconcile(actor: string, { dryRun = false } = {}): Promise<Reconciliation | null> {
    const dataSource = await this.#database.ready();
    return withLockIfFree(dataSource, 'reconciliation', async () => {
      const found = {
        orphans: await this.#reconcileObjects(dataSource, dryRun),
        missing: await this.#reconcileRows(dataSource, dryRun),
        stuck: await this.#findStuck(),
      };
      if (!dryRun && found.stuck.length > 0) this.#retryNow();
      const counts = { orphans: found.orphans.length, missing: found.missing.length, stuck: found.stuck.length };
      if (!dryRun && counts.orphans + counts.missing + counts.stuck > 0) {
        await recordAudit(dataSource.manager, { action: 'reconcile', actor, subject: null, counts });
      }
      return found;
    });
  }

  async #reconcileObjects(dataSource: DataSource, dryRun: boolean): Promise<string[]> {
    const orphans: string[] = [];
    for (const prefix of STORED_IMAGES) {
      for await (const batch of inBatches(this.#objects.list(prefix))) {
        const old = batch.filter((object) => this.#isOld(object));
        const named = await namedByRows(
          dataSource,
          old.map(({ key }) => key),
        );
        for (const object of old.filter(({ key }) => !named.has(key))) {
          if (dryRun || (await this.#deleteOrphan(dataSource, object))) orphans.push(object.key);
        }
      }
    }
    return orphans;
  }

  /** Checks again while the owner is locked: a job that was just stored may name the object by now. */
  #deleteOrphan(dataSource: DataSource, { key }: StoredObject): Promise<boolean> {
    return dataSource.transaction(async (rows) => {
      const owner = ownerOf(key);
      if (owner && 'sha256' in owner) await lockImage(rows, owner.sha256);
      if (owner && 'jobId' in owner) await lockJob(rows, owner.jobId);
      const current = await this.#objects.find(key);
      if (!current || !this.#isOld(current) || (await namedByRows(dataSource, [key])).has(key)) return false;
      await this.#objects.delete(key);
      return true;
    });
  }

  async #reconcileRows(dataSource: DataSource, dryRun: boolean): Promise<string[]> {
    const missing: string[] = [];
    for (const table of TABLES_WITH_KEYS) {
      for await (const batch of rowsWithKeys(dataSource, table)) {
        for (const row of await this.#withoutObject(batch)) {
          if (dryRun || (await forgetKey(dataSource, table, row))) missing.push(row.key);
        }
      }
    }
    return missing;
  }

  async #withoutObject(rows: readonly RowWithKey[]): Promise<RowWithKey[]> {
    const without: RowWithKey[] = [];
    for (let start = 0; start < rows.length; start += CONCURRENCY) {
      const some = rows.slice(start, start + CONCURRENCY);
      const found = await Promise.all(some.map(({ key }) => this.#objects.find(key)));
      without.push(...some.filter((_row, at) => found[at] === null));
    }
    return without;
  }

  async #findStuck(): Promise<string[]> {
    await this.#spool.refresh();
    return this.#spool.ids.filter((id) => this.#spool.waitedMs(id) > this.#graceMs);
  }

  #isOld({ modifiedAt }: StoredObject): boolean {
    return Date.now() - modifiedAt.getTime() > this.#graceMs;
  }
}

/** Tables with keys of objects */
const TABLES_WITH_KEYS = [
  { name: 'images', column: 'object_key' },
  { name: 'jobs', column: 'result_key' },
  { name: 'versions', column: 'object_key' },
] as const;
type TableWithKeys = (typeof TABLES_WITH_KEYS)[number];

interface RowWithKey {
  readonly id: string;
  readonly key: string;
}

async function* rowsWithKeys(
  dataSource: DataSource,
  { name, column }: TableWithKeys,
): AsyncIterable<readonly RowWithKey[]> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const rows: RowWithKey[] = await dataSource.query(
      `SELECT id, ${column} AS key FROM ${name} WHERE id > $1 AND ${column} IS NOT NULL ORDER BY id LIMIT ${BATCH}`,
      [after],
    );
    const last = rows.at(-1);
    if (!last) return;
    yield rows;
    after = last.id;
  }
}

/** False: the row was erased, or named another object, in the meantime. */
async function forgetKey(
  dataSource: DataSource,
  { name, column }: TableWithKeys,
  { id, key }: RowWithKey,
): Promise<boolean> {
  const [, changed]: [unknown, number] = await dataSource.query(
    `UPDATE ${name} SET ${column} = NULL WHERE id = $1 AND ${column} = $2`,
    [id, key],
  );
  return changed > 0;
}

async function* inBatches(objects: AsyncIterable<StoredObject>): AsyncIterable<StoredObject[]> {
  let batch: StoredObject[] = [];
  for await (const object of objects) {
    batch.push(object);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

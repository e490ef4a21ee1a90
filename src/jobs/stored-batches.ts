import { v7 } from 'uuid';
import { DomainError } from '../errors/domain-error.ts';
import type { ObjectStore } from '../storage/objects/object-store.ts';
import { BadCursorError } from '../storage/records/bad-cursor-error.ts';
import type { Database } from '../storage/records/database.ts';
import type { BatchFeeder } from './batch-feeder.ts';
import { BatchIntake, type IntakeParts } from './batch-intake.ts';
import {
  type Batch,
  cancelBatch,
  type FailureGroup,
  findBatch,
  groupFailures,
  listBatches,
  listItems,
  lockBatch,
  type Owner,
  requeueDead,
} from './batch-records.ts';
import { Batches, type BatchPage, type ItemPage, type ItemPageRequest } from './batches.ts';
import { restartFinishing } from './output-records.ts';
import { ResultArchive } from './results/result-archive.ts';
import { MANIFEST } from './results/result-names.ts';
import { toUrl } from './s3-place.ts';
import { inTransaction, type Sql, sqlOf } from './sql.ts';
import { type Delivery, listDeliveries, restartDelivery } from './webhooks/webhook-records.ts';

const SHOWN_DELIVERIES = 10;
const SHOWN_ATTEMPTS = 20;

type StoredBatchParts = Pick<IntakeParts, 'ends' | 'listings' | 'source' | 'output' | 'limits'>;

/** Storage is on. */
export class StoredBatches extends Batches {
  readonly #database: Database;
  readonly #objects: ObjectStore;
  readonly #feeder: BatchFeeder;
  readonly #parts: StoredBatchParts;

  constructor(database: Database, objects: ObjectStore, feeder: BatchFeeder, parts: StoredBatchParts) {
    super();
    this.#database = database;
    this.#objects = objects;
    this.#feeder = feeder;
    this.#parts = parts;
  }

  override async receive(apiKeyName: string | null, requestId: string): Promise<BatchIntake> {
    await this.#prepare();
    const parts = {
      dataSource: await this.#database.ready(),
      objects: this.#objects,
      feeder: this.#feeder,
      ...this.#parts,
    };
    return BatchIntake.open(parts, apiKeyName, requestId);
  }

  override async find(id: string, owner: Owner): Promise<Batch> {
    return found(await findBatch(await this.#sql(), id, owner));
  }

  override async list(owner: Owner, limit: number, after: string | undefined): Promise<BatchPage> {
    // One more than requested shows whether there is another page.
    const batches = await listBatches(
      await this.#sql(),
      owner,
      limit + 1,
      after === undefined ? null : readCursor(after),
    );
    const last = batches.length > limit ? batches[limit - 1] : undefined;
    return { batches: batches.slice(0, limit), next: last ? writeCursor(last) : null };
  }

  override async items(id: string, owner: Owner, { from, limit, state }: ItemPageRequest): Promise<ItemPage> {
    const { output } = await this.find(id, owner);
    const items = await listItems(await this.#sql(), id, { from, limit: limit + 1, state: state ?? null });
    return { items: items.slice(0, limit), output, next: items[limit]?.position ?? null };
  }

  override async failures(id: string, owner: Owner, filesPerGroup: number): Promise<FailureGroup[]> {
    await this.find(id, owner);
    return groupFailures(await this.#sql(), id, filesPerGroup);
  }

  override async cancel(id: string, owner: Owner): Promise<Batch> {
    await this.#prepare();
    await inTransaction(await this.#database.ready(), async (sql) => {
      await lockBatch(sql, id);
      const batch = found(await findBatch(sql, id, owner));
      if (!isRunning(batch)) return;
      await this.#parts.ends.queue(sql, id, await cancelBatch(sql, id));
      await this.#feeder.feed(sql, batch.apiKeyName);
    });
    return this.find(id, owner);
  }

  override async retry(id: string, owner: Owner): Promise<Batch> {
    await this.#prepare();
    await inTransaction(await this.#database.ready(), async (sql) => {
      await lockBatch(sql, id);
      const batch = ended(found(await findBatch(sql, id, owner)));
      if ((await requeueDead(sql, id)) > 0) await this.#feeder.feed(sql, batch.apiKeyName);
      else if (await restartFinishing(sql, id)) await this.#parts.ends.finishings.add(sql, id);
    });
    return this.find(id, owner);
  }

  override async result(id: string, owner: Owner): Promise<ResultArchive> {
    const sql = await this.#sql();
    const batch = ended(found(await findBatch(sql, id, owner)));
    if (batch.output) {
      throw new DomainError('results_in_s3', `The results are in ${toUrl(batch.output)}, with a ${MANIFEST}`);
    }
    return ResultArchive.open(sql, this.#objects, batch);
  }

  override async deliveries(id: string, owner: Owner): Promise<Delivery[]> {
    await this.find(id, owner);
    return listDeliveries(await this.#sql(), id, SHOWN_DELIVERIES, SHOWN_ATTEMPTS);
  }

  override async redeliver(id: string, deliveryId: string, owner: Owner): Promise<void> {
    await this.find(id, owner);
    await this.#prepare();
    const jobId = v7();
    await inTransaction(await this.#database.ready(), async (sql) => {
      if (!(await restartDelivery(sql, id, deliveryId, jobId))) {
        throw new DomainError('not_found', 'Webhook not found. It is deleted with its batch');
      }
      await this.#parts.ends.webhooks.add(sql, jobId);
    });
  }

  /** Before a transaction: the start of the queues needs further connections. */
  async #prepare(): Promise<void> {
    await this.#feeder.prepare();
    await this.#parts.ends.ready();
    await this.#parts.listings.ready();
  }

  async #sql(): Promise<Sql> {
    return sqlOf(await this.#database.ready());
  }
}

function found(batch: Batch | null): Batch {
  if (!batch) throw new DomainError('not_found', 'Batch not found. It may have been deleted after its retention time');
  return batch;
}

function isRunning({ state }: Batch): boolean {
  return state === 'listing' || state === 'active' || state === 'finishing';
}

function ended(batch: Batch): Batch {
  if (isRunning(batch)) {
    throw new DomainError(
      'batch_active',
      'The batch is still being processed. Wait until its state is done, or cancel it',
    );
  }
  return batch;
}

function writeCursor({ createdAt, id }: Batch): string {
  return Buffer.from(`${createdAt.getTime()}_${id}`).toString('base64url');
}

function readCursor(text: string): Pick<Batch, 'createdAt' | 'id'> {
  const [, at, id] = /^(\d{1,15})_([0-9a-f-]{36})$/.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  if (at === undefined || id === undefined)
    throw new BadCursorError('The cursor does not come from a page of this list');
  return { createdAt: new Date(Number(at)), id };
}

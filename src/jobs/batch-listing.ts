import type { Database } from '../storage/records/database.ts';
import { DomainError } from '../errors/domain-error.ts';
import type { BatchEnds } from './batch-ends.ts';
import type { BatchFeeder } from './batch-feeder.ts';
import { tooManyItems } from './batch-intake.ts';
import {
  activateBatch,
  advanceListing,
  failListing,
  findListing,
  insertItems,
  type Listing,
  lockBatch,
} from './batch-records.ts';
import { safeName } from './item-name.ts';
import { nameResults } from './output-records.ts';
import { noFiles, type S3Source, type SourcePage } from './sources/s3-source.ts';
import { inTransaction, type Sql, sqlOf } from './sql.ts';

/**
 * Makes items of the objects in the source of a batch, a page at a time. Each page is written with the key at which it ends:
 * a worker that is killed loses one page, and the next worker goes on from there.
 */
export class BatchListing {
  readonly #database: Database;
  readonly #feeder: BatchFeeder;
  readonly #ends: BatchEnds;
  readonly #source: Pick<S3Source, 'page'>;
  readonly #maxItems: number;
  #stopping = false;

  constructor(
    parts: {
      readonly database: Database;
      readonly feeder: BatchFeeder;
      readonly ends: BatchEnds;
      readonly source: Pick<S3Source, 'page'>;
    },
    maxItems: number,
  ) {
    this.#database = parts.database;
    this.#feeder = parts.feeder;
    this.#ends = parts.ends;
    this.#source = parts.source;
    this.#maxItems = maxItems;
  }

  stop(): void {
    this.#stopping = true;
  }

  /** @throws if the database or the S3 service fails, or the process stops; it then goes on later */
  async process(batchId: string): Promise<void> {
    const dataSource = await this.#database.ready();
    for (;;) {
      const listing = await findListing(sqlOf(dataSource), batchId);
      if (!listing) return;
      if (this.#stopping) throw new DomainError('not_ready', 'The service is stopping');
      const [page] = await Promise.allSettled([this.#source.page(listing.source, listing.cursor)]);
      if (page.status === 'rejected' && !isPermanent(page.reason)) throw page.reason;
      await inTransaction(dataSource, async (sql) => {
        // As `cancel` does: no item comes after it.
        await lockBatch(sql, batchId);
        if (page.status === 'rejected') await this.#fail(sql, batchId, page.reason as DomainError);
        else await this.#add(sql, listing, page.value);
      });
    }
  }

  async #add(sql: Sql, listing: Listing, { files, next }: SourcePage): Promise<void> {
    const total = listing.itemCount + files.length;
    // Another worker, which was taken for dead, may have been faster.
    if (!(await advanceListing(sql, listing, next, total))) return;
    if (total > this.#maxItems) {
      await this.#fail(sql, listing.id, tooManyItems(this.#maxItems));
      return;
    }
    const items = files.map((file, at) => ({
      position: listing.itemCount + at,
      name: safeName(file.name),
      input: 'url' in file ? { url: file.url } : null,
      error: 'error' in file ? file.error : null,
    }));
    if (items.length > 0) await insertItems(sql, listing.id, items);
    if (next !== null) return;
    if (total === 0) {
      await this.#fail(sql, listing.id, noFiles());
      return;
    }
    if (listing.output) await nameResults(sql, listing.id);
    await this.#ends.queue(sql, listing.id, await activateBatch(sql, listing.id, listing, total));
    await this.#feeder.feed(sql, listing.apiKeyName);
  }

  async #fail(sql: Sql, batchId: string, { code, message }: DomainError): Promise<void> {
    await this.#ends.queue(sql, batchId, await failListing(sql, batchId, { code, detail: message }));
  }
}

function isPermanent(error: unknown): boolean {
  return error instanceof DomainError && error.status < 500;
}

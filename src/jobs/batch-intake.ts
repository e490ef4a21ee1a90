import { createHash, hash } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { v7 } from 'uuid';
import { DomainError } from '../errors/domain-error.ts';
import { IDEMPOTENCY_HOURS } from '../config/idempotency.ts';
import { batchInputKey, batchPrefix } from '../storage/objects/object-keys.ts';
import type { ObjectStore } from '../storage/objects/object-store.ts';
import { currentTrace } from '../tracing/trace.ts';
import type { BatchEnds } from './batch-ends.ts';
import type { BatchFeeder } from './batch-feeder.ts';
import {
  activateBatch,
  type BatchOrder,
  deleteBatch,
  findEarlierBatch,
  insertBatch,
  insertItems,
  markBatch,
  startListing,
  type NewItem,
} from './batch-records.ts';
import type { ListingQueue } from './listing-queue.ts';
import { safeName } from './item-name.ts';
import { isOutputInUse, nameResults } from './output-records.ts';
import { outputExists, type S3Output } from './results/s3-output.ts';
import { MANIFEST } from './results/result-names.ts';
import { type S3Place, toUrl } from './s3-place.ts';
import type { S3Source } from './sources/s3-source.ts';
import type { SourceFile } from './sources/source.ts';
import { inTransaction, type Sql, sqlOf } from './sql.ts';

const CONCURRENT_PUTS = 4;
const ITEMS_PER_INSERT = 200;

export interface BatchLimits {
  readonly maxItems: number;
  readonly maxBytes: number;
}

/**
 * Receives the files of one batch: each is put into the object store as it arrives. The batch exists for its owner, and its
 * items are processed, only after all of them have arrived.
 */
export class BatchIntake {
  readonly id = v7();
  readonly #dataSource: DataSource;
  readonly #objects: ObjectStore;
  readonly #feeder: BatchFeeder;
  readonly #ends: BatchEnds;
  readonly #listings: ListingQueue;
  readonly #source: S3Source;
  readonly #output: S3Output;
  readonly #limits: BatchLimits;
  readonly #apiKeyName: string | null;
  readonly #puts = new Set<Promise<void>>();
  readonly #content = createHash('sha256');
  #items: NewItem[] = [];
  #count = 0;
  #bytes = 0;
  #failure: Error | undefined;

  private constructor(parts: IntakeParts, apiKeyName: string | null) {
    this.#dataSource = parts.dataSource;
    this.#objects = parts.objects;
    this.#feeder = parts.feeder;
    this.#ends = parts.ends;
    this.#listings = parts.listings;
    this.#source = parts.source;
    this.#output = parts.output;
    this.#limits = parts.limits;
    this.#apiKeyName = apiKeyName;
  }

  static async open(parts: IntakeParts, apiKeyName: string | null, requestId: string): Promise<BatchIntake> {
    const intake = new BatchIntake(parts, apiKeyName);
    const trace = currentTrace()?.context ?? null;
    await insertBatch(sqlOf(parts.dataSource), intake.id, apiKeyName, requestId, trace);
    return intake;
  }

  /** @throws DomainError upload_too_large, and the error of the object store or the database */
  async add(file: SourceFile): Promise<void> {
    const position = this.#count++;
    if (this.#count > this.#limits.maxItems) {
      throw tooManyItems(this.#limits.maxItems);
    }
    const name = safeName(file.name);
    const sha256 = 'error' in file ? '' : hash('sha256', 'bytes' in file ? file.bytes : file.url);
    this.#content.update(JSON.stringify([name, sha256]));
    if ('error' in file) {
      this.#items.push({ position, name, input: null, error: file.error });
    } else if ('url' in file) {
      this.#items.push({ position, name, input: { url: file.url }, error: null });
    } else if (file.bytes.byteLength === 0) {
      this.#items.push({
        position,
        name,
        input: null,
        error: { code: 'invalid_request', detail: 'The file is empty' },
      });
    } else {
      this.#bytes += file.bytes.byteLength;
      if (this.#bytes > this.#limits.maxBytes) {
        throw new DomainError(
          'upload_too_large',
          `A batch is limited to ${this.#limits.maxBytes} bytes. Send several batches`,
        );
      }
      await this.#put(position, name, file.bytes, sha256);
    }
    if (this.#items.length >= ITEMS_PER_INSERT) await this.#insert();
  }

  /**
   * @param idempotencyKey of the request: an earlier batch with the same key and content takes the place of this one
   * @returns the ID of the batch
   * @throws DomainError invalid_request if no file arrived, idempotency_mismatch, output_exists, and those of S3Source and S3Output
   */
  async complete(given: BatchOrder, idempotencyKey: string | null = null): Promise<string> {
    await Promise.all(this.#puts);
    if (this.#failure !== undefined) throw this.#failure;
    const order = await this.#check(given);
    if (this.#count === 0 && !order.source) {
      throw new DomainError(
        'invalid_request',
        'The batch is empty: send images in parts "file", a ZIP or tar in the part "archive", URLs in "urls", or a "source"',
      );
    }
    await this.#insert();
    const hasManifest = order.output !== undefined && (await this.#output.hasManifest(order.output));
    const fingerprint = this.#content.update(JSON.stringify(order)).digest('hex');
    const earlier = await inTransaction(this.#dataSource, async (sql) => {
      if (idempotencyKey !== null) {
        const found = await findEarlierBatch(sql, this.#apiKeyName, idempotencyKey);
        if (found) return found;
        await markBatch(sql, this.id, idempotencyKey, fingerprint);
      }
      if (order.output) await this.#assertFree(sql, order.output, hasManifest);
      if (order.source) {
        await startListing(sql, this.id, order);
        await this.#listings.add(sql, this.id);
      } else {
        if (order.output) await nameResults(sql, this.id);
        await this.#ends.queue(sql, this.id, await activateBatch(sql, this.id, order, this.#count));
        await this.#feeder.feed(sql, this.#apiKeyName);
      }
      return null;
    });
    if (!earlier) return this.id;
    if (earlier.fingerprint !== fingerprint) throw mismatch();
    await this.abort();
    return earlier.id;
  }

  async #check(order: BatchOrder): Promise<BatchOrder> {
    if (order.source && this.#count > 0) {
      throw new DomainError('invalid_request', 'Send either files and URLs, or a "source", not both');
    }
    const source = order.source && (await this.#source.admit(order.source));
    const output = order.output && this.#output.admit(order.output, source);
    return { ...order, ...(source && { source }), ...(output && { output }) };
  }

  /** Two batches in one place would each have a part of the names, and one of them no manifest. */
  async #assertFree(sql: Sql, output: S3Place, hasManifest: boolean): Promise<void> {
    if (hasManifest) throw outputExists(toUrl(output) + MANIFEST);
    if (await isOutputInUse(sql, output)) {
      throw new DomainError(
        'output_exists',
        `output: another batch is writing to ${toUrl(output)}. Choose another prefix`,
      );
    }
  }

  /** Deletes what has arrived. */
  async abort(): Promise<void> {
    await Promise.all(this.#puts);
    for await (const { key } of this.#objects.list(batchPrefix(this.id))) await this.#objects.delete(key);
    await inTransaction(this.#dataSource, (sql) => deleteBatch(sql, this.id));
  }

  /** A few at a time: the next file arrives while these are written. */
  async #put(position: number, name: string, bytes: Uint8Array, sha256: string): Promise<void> {
    while (this.#puts.size >= CONCURRENT_PUTS) await Promise.race(this.#puts);
    if (this.#failure !== undefined) throw this.#failure;
    const key = batchInputKey(this.id, position);
    const put = this.#objects.put(key, bytes, 'application/octet-stream').then(
      () => {
        this.#items.push({ position, name, input: { key, bytes: bytes.byteLength, sha256 }, error: null });
      },
      (error: unknown) => {
        this.#failure ??= toError(error);
      },
    );
    const running = put.finally(() => this.#puts.delete(running));
    this.#puts.add(running);
  }

  async #insert(): Promise<void> {
    const items = this.#items;
    this.#items = [];
    if (items.length > 0) await insertItems(sqlOf(this.#dataSource), this.id, items);
  }
}

export function tooManyItems(maxItems: number): DomainError {
  return new DomainError('upload_too_large', `A batch is limited to ${maxItems} images. Send several batches`);
}

function mismatch(): DomainError {
  return new DomainError(
    'idempotency_mismatch',
    `Another batch was sent with this Idempotency-Key in the last ${IDEMPOTENCY_HOURS} hours. Use a new key for a new batch`,
  );
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

export interface IntakeParts {
  readonly dataSource: DataSource;
  readonly objects: ObjectStore;
  readonly feeder: BatchFeeder;
  readonly ends: BatchEnds;
  readonly listings: ListingQueue;
  readonly source: S3Source;
  readonly output: S3Output;
  readonly limits: BatchLimits;
}

import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { DomainError } from '../errors/domain-error.ts';
import { TemporaryFetchError } from '../fetching/temporary-fetch-error.ts';
import type { ObjectStore } from '../storage/objects/object-store.ts';
import type { Database } from '../storage/records/database.ts';
import type { BatchFeeder } from './batch-feeder.ts';
import {
  type Chunk,
  deleteChunk,
  findChunk,
  findDueItems,
  type ItemError,
  nextAttempt,
  postponeItem,
  settleItem,
  type Settlement,
  startItem,
  undoAttempt,
} from './batch-records.ts';
import { type ItemProcessing, ObjectsUnavailableError } from './item-processing.ts';
import { inTransaction, sqlOf } from './sql.ts';
import type { WebhookQueue } from './webhooks/webhook-queue.ts';

/** After this time, the rest of a chunk waits its turn again: batches of other keys come first. */
const TURN_MS = 10_000;
export const MAX_ATTEMPTS = 5;
const FIRST_DELAY_SECONDS = 5;

export interface ItemEvents {
  settled(state: Settlement['state']): void;
  retried(): void;
}

export interface ChunkOptions {
  readonly concurrency: number;
  /** Of each item */
  readonly timeoutMs: number;
  /** Before the second attempt; doubles with each further one. */
  readonly firstDelaySeconds?: number;
}

/**
 * Processes the items of a chunk. The order survives a kill at any point: an attempt is counted, the result is put under a key
 * of its own, the outcome is written once, the input is deleted. The chunk leaves the queue last. What a killed worker left
 * undone still waits, and an object that no row names is deleted with its batch.
 */
export class ChunkProcessing {
  readonly #logger = new Logger('Batches');
  readonly #database: Database;
  readonly #objects: ObjectStore;
  readonly #items: ItemProcessing;
  readonly #feeder: BatchFeeder;
  readonly #webhooks: WebhookQueue;
  readonly #concurrency: number;
  readonly #timeoutMs: number;
  readonly #firstDelaySeconds: number;
  readonly #events: ItemEvents;
  #stopping = false;

  constructor(
    parts: {
      readonly database: Database;
      readonly objects: ObjectStore;
      readonly items: ItemProcessing;
      readonly feeder: BatchFeeder;
      readonly webhooks: WebhookQueue;
      readonly events: ItemEvents;
    },
    options: ChunkOptions,
  ) {
    this.#database = parts.database;
    this.#objects = parts.objects;
    this.#items = parts.items;
    this.#feeder = parts.feeder;
    this.#webhooks = parts.webhooks;
    this.#events = parts.events;
    this.#concurrency = options.concurrency;
    this.#timeoutMs = options.timeoutMs;
    this.#firstDelaySeconds = options.firstDelaySeconds ?? FIRST_DELAY_SECONDS;
  }

  /** Running items are finished, no further ones are started. */
  stop(): void {
    this.#stopping = true;
  }

  /** @throws if the database or the object store fails; the chunk is then processed again */
  async process(chunkId: string): Promise<void> {
    const dataSource = await this.#database.ready();
    const chunk = await findChunk(sqlOf(dataSource), chunkId);
    if (!chunk) return;
    await this.#processItems(dataSource, chunk);
    await this.#finish(dataSource, chunkId, chunk);
  }

  async #processItems(dataSource: DataSource, chunk: Chunk): Promise<void> {
    const positions = await findDueItems(sqlOf(dataSource), chunk);
    const end = performance.now() + TURN_MS;
    const failures: unknown[] = [];
    const next = () =>
      this.#stopping || failures.length > 0 || performance.now() > end ? undefined : positions.shift();
    const processOneByOne = async () => {
      for (let position = next(); position !== undefined; position = next()) {
        try {
          await this.#processItem(dataSource, chunk, position);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    // One more than are processed at a time: it reads its file meanwhile.
    await Promise.all(Array.from({ length: this.#concurrency + 1 }, processOneByOne));
    if (failures.length > 0) throw new Error('Items of the chunk are processed again', { cause: failures[0] });
  }

  async #processItem(dataSource: DataSource, chunk: Chunk, position: number): Promise<void> {
    const sql = sqlOf(dataSource);
    const started = await startItem(sql, chunk.batchId, position);
    if (!started) return;
    if (started.attempts > MAX_ATTEMPTS) {
      await this.#settle(dataSource, chunk, position, { state: 'dead', error: CRASHED });
      return;
    }
    const [work] = await Promise.allSettled([this.#items.process(chunk, position, started.input, this.#deadline())]);
    if (work.status === 'rejected') {
      await this.#fail(dataSource, chunk, position, started.attempts, work.reason);
      return;
    }
    const isFirst = await this.#settle(dataSource, chunk, position, { state: 'done', ...work.value });
    if (!isFirst) {
      if (work.value.result) await this.#objects.delete(work.value.result.key);
    } else if ('key' in started.input) {
      await this.#objects.delete(started.input.key);
    }
  }

  #deadline(): AbortSignal {
    const controller = new AbortController();
    const late = new DomainError(
      'deadline_exceeded',
      `The image was not processed within ${this.#timeoutMs} ms. Send a smaller image`,
    );
    setTimeout(() => {
      controller.abort(late);
    }, this.#timeoutMs).unref();
    return controller.signal;
  }

  async #fail(dataSource: DataSource, chunk: Chunk, position: number, attempts: number, error: unknown): Promise<void> {
    const sql = sqlOf(dataSource);
    if (isOfService(error)) {
      await undoAttempt(sql, chunk.batchId, position);
      throw error;
    }
    if (isPermanent(error)) {
      await this.#settle(dataSource, chunk, position, { state: 'failed', error: errorOf(error) });
    } else if (attempts >= MAX_ATTEMPTS) {
      this.#logger.error(
        { err: error, batchId: chunk.batchId, position },
        'An item of a batch failed at every attempt',
      );
      await this.#settle(dataSource, chunk, position, { state: 'dead', error: errorOf(error) });
    } else {
      this.#logger.warn(
        { err: error, batchId: chunk.batchId, position, attempts },
        'An item of a batch failed; retrying',
      );
      this.#events.retried();
      await postponeItem(sql, chunk.batchId, position, this.#firstDelaySeconds * 2 ** (attempts - 1), errorOf(error));
    }
  }

  async #settle(dataSource: DataSource, chunk: Chunk, position: number, settlement: Settlement): Promise<boolean> {
    const sql = sqlOf(dataSource);
    const settled = await settleItem(sql, chunk.batchId, position, settlement);
    if (!settled) return false;
    this.#events.settled(settlement.state);
    // If this process is killed before, the worker that mends the queue does it.
    if (settled.webhookJobId !== null) await this.#webhooks.add(sql, settled.webhookJobId);
    return true;
  }

  /** The next chunk of the key, or the rest of this one, takes its place in the queue. */
  async #finish(dataSource: DataSource, chunkId: string, chunk: Chunk): Promise<void> {
    await inTransaction(dataSource, async (sql) => {
      if (!(await deleteChunk(sql, chunkId))) return;
      const startAfter = await nextAttempt(sql, chunk);
      if (startAfter) await this.#feeder.addRest(sql, chunk, startAfter);
      else await this.#feeder.feed(sql, chunk.apiKeyName);
    });
  }
}

const CRASHED: ItemError = {
  code: 'internal',
  detail: `Processing ended without an outcome ${MAX_ATTEMPTS} times, probably because the process crashed`,
};

/** The item is not to blame: the object store failed, or the process is stopping. */
function isOfService(error: unknown): boolean {
  return error instanceof ObjectsUnavailableError || (error instanceof DomainError && error.code === 'not_ready');
}

/** What is wrong with a file or the options stays wrong; what the service could not do may work later. */
function isPermanent(error: unknown): boolean {
  return error instanceof DomainError && error.status < 500 && !(error instanceof TemporaryFetchError);
}

/** As in the response to a single image; the cause is in the log. */
function errorOf(error: unknown): ItemError {
  if (error instanceof DomainError) return { code: error.code, detail: error.message };
  return { code: 'internal', detail: 'An unexpected error occurred. The log of the worker has the details' };
}

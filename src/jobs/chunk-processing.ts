import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { DomainError } from '../errors/domain-error.ts';
import { TemporaryFetchError } from '../fetching/temporary-fetch-error.ts';
import type { ObjectStore } from '../storage/objects/object-store.ts';
import type { Database } from '../storage/records/database.ts';
import type { BatchEnds } from './batch-ends.ts';
import type { BatchFeeder } from './batch-feeder.ts';
import {
  type Attempt,
  type Chunk,
  deleteChunk,
  findChunk,
  findDueItems,
  isLatest,
  type ItemError,
  nextAttempt,
  postponeItem,
  settleItem,
  type Settlement,
  startItem,
  undoAttempt,
} from './batch-records.ts';
import { type ItemProcessing, ObjectsUnavailableError } from './item-processing.ts';
import { inTransaction, type Sql, sqlOf } from './sql.ts';

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
 * undone still waits, and an object that no row names is deleted with its batch. In S3, the result of each attempt has the same
 * key: a later attempt replaces what an earlier one left, and only the latest attempt can write the outcome.
 */
export class ChunkProcessing {
  readonly #logger = new Logger('Batches');
  readonly #database: Database;
  readonly #objects: ObjectStore;
  readonly #items: ItemProcessing;
  readonly #feeder: BatchFeeder;
  readonly #ends: BatchEnds;
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
      readonly ends: BatchEnds;
      readonly events: ItemEvents;
    },
    options: ChunkOptions,
  ) {
    this.#database = parts.database;
    this.#objects = parts.objects;
    this.#items = parts.items;
    this.#feeder = parts.feeder;
    this.#ends = parts.ends;
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
    const { batchId } = chunk;
    const started = await startItem(sql, batchId, position);
    if (!started) return;
    const attempt = { batchId, position, attempts: started.attempts };
    if (started.attempts > MAX_ATTEMPTS) {
      await this.#settle(sql, attempt, { state: 'dead', error: CRASHED });
      return;
    }
    const item = { ...started, position, isLatest: () => isLatest(sql, attempt) };
    const [work] = await Promise.allSettled([this.#items.process(chunk, item, this.#deadline())]);
    if (work.status === 'rejected') {
      await this.#fail(sql, attempt, work.reason);
      return;
    }
    const isFirst = await this.#settle(sql, attempt, { state: 'done', ...work.value });
    if (!isFirst) {
      // In S3, it is also the key of the other attempt.
      if (work.value.result && !chunk.output) await this.#objects.delete(work.value.result.key);
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

  async #fail(sql: Sql, attempt: Attempt, error: unknown): Promise<void> {
    const { attempts } = attempt;
    if (isOfService(error)) {
      await undoAttempt(sql, attempt);
      throw error;
    }
    if (isPermanent(error)) {
      await this.#settle(sql, attempt, { state: 'failed', error: errorOf(error) });
    } else if (attempts >= MAX_ATTEMPTS) {
      this.#logger.error({ err: error, ...attempt }, 'An item of a batch failed at every attempt');
      await this.#settle(sql, attempt, { state: 'dead', error: errorOf(error) });
    } else {
      this.#logger.warn({ err: error, ...attempt }, 'An item of a batch failed; retrying');
      this.#events.retried();
      await postponeItem(sql, attempt, this.#firstDelaySeconds * 2 ** (attempts - 1), errorOf(error));
    }
  }

  async #settle(sql: Sql, attempt: Attempt, settlement: Settlement): Promise<boolean> {
    const end = await settleItem(sql, attempt, settlement);
    if (!end) return false;
    this.#events.settled(settlement.state);
    // If this process is killed before, the worker that mends the queue does it.
    await this.#ends.queue(sql, attempt.batchId, end);
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

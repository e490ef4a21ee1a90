import { Logger } from '@nestjs/common';
import { PgBoss } from 'pg-boss';
import { DomainError } from '../errors/domain-error.ts';
import type { Database } from '../storage/records/database.ts';
import { type Sql, sqlOf } from './sql.ts';

const CHUNKS = 'batch-chunks';

/** A worker that has not been heard from for so long counts as dead: its chunk goes to another. */
const HEARTBEAT_SECONDS = 15;
const HEARTBEAT_EVERY_SECONDS = 5;
const MONITOR_EVERY_SECONDS = 5;
const POLL_EVERY_SECONDS = 0.5;

const CHUNK_OPTIONS = {
  // A chunk is never given up: its items are, one by one.
  retryLimit: 100_000,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 60,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  expireInSeconds: 3600,
  // Finished jobs are of no use: items and batches have their own rows.
  deleteAfterSeconds: 60,
} as const;

export interface QueuedChunk {
  readonly chunkId: string;
}

/**
 * The queue of chunks: pg-boss in the database of the records, in its own schema. It uses the connections of the data source
 * and therefore follows an embedded server to another port.
 */
export class BatchQueue {
  readonly #logger = new Logger('Batches');
  readonly #database: Database;
  readonly #supervises: boolean;
  #starting: Promise<PgBoss> | undefined;
  #stopped = false;

  /** @param supervises whether this process returns the chunks of dead workers to the queue, and cleans up */
  constructor(database: Database, supervises: boolean) {
    this.#database = database;
    this.#supervises = supervises;
  }

  /** Adds a chunk, with the same ID as its row, in the transaction of that row. */
  async add(
    sql: Sql,
    chunkId: string,
    options: { readonly priority: number; readonly startAfter?: Date },
  ): Promise<void> {
    const boss = await this.ready();
    const data: QueuedChunk = { chunkId };
    await boss.send(CHUNKS, data, { id: chunkId, ...options, db: executing(sql) });
  }

  /** Whether the chunk is in the queue or with a worker */
  async has(chunkId: string): Promise<boolean> {
    const boss = await this.ready();
    const [job] = await boss.findJobs(CHUNKS, { id: chunkId });
    return job !== undefined && ['created', 'retry', 'active'].includes(job.state);
  }

  /** @param handle one chunk at a time; a chunk whose handler fails is retried */
  async work(handle: (chunk: QueuedChunk) => Promise<void>): Promise<void> {
    const boss = await this.ready();
    const worker = await boss.work<QueuedChunk>(
      CHUNKS,
      { pollingIntervalSeconds: POLL_EVERY_SECONDS, heartbeatRefreshSeconds: HEARTBEAT_EVERY_SECONDS },
      async (jobs) => {
        for (const { data } of jobs) await handle(data);
        // The next chunk is asked for at once: the interval is for an empty queue.
        boss.notifyWorker(worker);
      },
    );
  }

  /** Takes no more chunks and waits for the running one. */
  async stopWork(): Promise<void> {
    const boss = await this.#starting?.catch(() => undefined);
    await boss?.offWork(CHUNKS, { wait: true });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const boss = await this.#starting?.catch(() => undefined);
    await boss?.stop({ graceful: false, close: false });
  }

  /**
   * Starts pg-boss when it is first needed; a failure is retried by the next call.
   * @throws the error of the database
   */
  async ready(): Promise<PgBoss> {
    if (this.#stopped) throw new DomainError('not_ready', 'The service is stopping. Try again');
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async #start(): Promise<PgBoss> {
    const boss = new PgBoss({
      db: { executeSql: async (text, values) => sqlOf(await this.#database.ready()).query(text, values ?? []) },
      supervise: this.#supervises,
      superviseIntervalSeconds: MONITOR_EVERY_SECONDS,
      monitorIntervalSeconds: MONITOR_EVERY_SECONDS,
      schedule: false,
      registerInstance: false,
    });
    // It tries again by itself.
    boss.on('error', (error) => {
      this.#logger.warn({ err: error }, 'The queue could not reach the database; it tries again');
    });
    await boss.start();
    await boss.createQueue(CHUNKS, CHUNK_OPTIONS);
    await boss.updateQueue(CHUNKS, CHUNK_OPTIONS);
    return boss;
  }
}

function executing(sql: Sql): { executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[] }> } {
  return { executeSql: (text, values) => sql.query(text, values ?? []) };
}

import type { PgBoss } from 'pg-boss';
import type { Boss } from './boss.ts';
import type { Sql } from './sql.ts';

/** A worker that has not been heard from for so long counts as dead: its job goes to another. */
const HEARTBEAT_SECONDS = 15;
const HEARTBEAT_EVERY_SECONDS = 5;

const OPTIONS = {
  // A job is never given up: what it stands for is, by its own row.
  retryLimit: 100_000,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 60,
  heartbeatSeconds: HEARTBEAT_SECONDS,
  expireInSeconds: 3600,
  // Finished jobs are of no use: what they stand for has its own row.
  deleteAfterSeconds: 60,
} as const;

export interface WorkOptions {
  /** How many jobs this process handles at the same time */
  readonly concurrency: number;
  readonly pollEverySeconds: number;
}

/** One queue of pg-boss, whose jobs are only IDs: everything else is in rows of our own. */
export class JobQueue {
  readonly #boss: Boss;
  readonly #name: string;
  readonly #work: WorkOptions;
  #creating: Promise<PgBoss> | undefined;

  constructor(boss: Boss, name: string, work: WorkOptions) {
    this.#boss = boss;
    this.#name = name;
    this.#work = work;
  }

  /** Adds a job in the transaction of its row. It takes the place of one that ended. */
  async add(sql: Sql, id: string, options: { readonly priority?: number; readonly startAfter?: Date } = {}) {
    const boss = await this.ready();
    await boss.deleteJob(this.#name, id, { db: executing(sql) });
    await boss.send(this.#name, null, { id, ...options, db: executing(sql) });
  }

  /** Whether the job is in the queue or with a worker */
  async has(id: string): Promise<boolean> {
    const boss = await this.ready();
    const [job] = await boss.findJobs(this.#name, { id });
    return job !== undefined && ['created', 'retry', 'active'].includes(job.state);
  }

  /** @param handle a job whose handler fails is retried */
  async work(handle: (id: string) => Promise<void>): Promise<void> {
    const boss = await this.ready();
    const worker = await boss.work(
      this.#name,
      {
        localConcurrency: this.#work.concurrency,
        pollingIntervalSeconds: this.#work.pollEverySeconds,
        heartbeatRefreshSeconds: HEARTBEAT_EVERY_SECONDS,
      },
      async (jobs) => {
        for (const { id } of jobs) await handle(id);
        // The next job is asked for at once: the interval is for an empty queue.
        boss.notifyWorker(worker);
      },
    );
  }

  /** Takes no more jobs and waits for the running ones. */
  async stopWork(): Promise<void> {
    const boss = await this.#creating?.catch(() => undefined);
    await boss?.offWork(this.#name, { wait: true });
  }

  /**
   * Creates the queue when it is first needed; a failure is retried by the next call. To be awaited before a transaction: it
   * needs further connections.
   * @throws the error of the database
   */
  async ready(): Promise<PgBoss> {
    const boss = await this.#boss.ready();
    this.#creating ??= this.#create(boss).catch((error: unknown) => {
      this.#creating = undefined;
      throw error;
    });
    return this.#creating;
  }

  async #create(boss: PgBoss): Promise<PgBoss> {
    await boss.createQueue(this.#name, OPTIONS);
    await boss.updateQueue(this.#name, OPTIONS);
    return boss;
  }
}

function executing(sql: Sql): { executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[] }> } {
  return { executeSql: (text, values) => sql.query(text, values ?? []) };
}

import { Logger } from '@nestjs/common';
import { PgBoss } from 'pg-boss';
import { DomainError } from '../errors/domain-error.ts';
import type { Database } from '../storage/records/database.ts';
import { sqlOf } from './sql.ts';

const MONITOR_EVERY_SECONDS = 5;

/**
 * pg-boss in the database of the records, in its own schema. It uses the connections of the data source and therefore follows
 * an embedded server to another port.
 */
export class Boss {
  readonly #logger = new Logger('Batches');
  readonly #database: Database;
  readonly #supervises: boolean;
  #starting: Promise<PgBoss> | undefined;
  #stopped = false;

  /** @param supervises whether this process returns the jobs of dead workers to the queues, and cleans up */
  constructor(database: Database, supervises: boolean) {
    this.#database = database;
    this.#supervises = supervises;
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

  async stop(): Promise<void> {
    this.#stopped = true;
    const boss = await this.#starting?.catch(() => undefined);
    await boss?.stop({ graceful: false, close: false });
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
    return boss;
  }
}

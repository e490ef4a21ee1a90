import { DataSource } from 'typeorm';
import { dataSourceOptions, loadMigrations } from './data-source.ts';
import { EmbeddedPostgres } from './embedded-postgres.ts';
import { withLock } from './locks.ts';

/**
 * Connects the data source to PostgreSQL when it is first needed, and again after a failure. The service starts and
 * responds without its database. The first connection migrates the schema.
 */
export class Database {
  readonly place: string;
  readonly #dataSource: DataSource;
  readonly #url: string;
  readonly #embedded: EmbeddedPostgres | undefined;
  #connecting: Promise<DataSource> | undefined;
  #connectedTo: string | undefined;

  /**
   * @param dataSource not initialized yet; it stays the same when it reconnects
   * @param url empty: the embedded server in the data folder
   */
  constructor(dataSource: DataSource, url: string, dataFolder: string) {
    this.#dataSource = dataSource;
    this.#url = url;
    this.#embedded = url === '' ? new EmbeddedPostgres(dataFolder) : undefined;
    this.place = this.#embedded ? 'the embedded PostgreSQL' : `PostgreSQL at ${new URL(url).host}`;
  }

  get isEmbedded(): boolean {
    return this.#embedded !== undefined;
  }

  /** @throws the error of PostgreSQL, the network or a migration; the next call tries again */
  async ready(): Promise<DataSource> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** @throws if the database does not respond */
  async check(): Promise<void> {
    const dataSource = await this.ready();
    await dataSource.query('SELECT 1');
  }

  async close(): Promise<void> {
    // If the current attempt to connect fails, there is nothing to close.
    await this.#connecting?.catch(() => undefined);
    await this.#disconnect();
    await this.#embedded?.leave();
  }

  async #connect(): Promise<DataSource> {
    const url = this.#embedded ? await this.#embedded.join() : this.#url;
    if (this.#connectedTo === url) return this.#dataSource;
    // An embedded server has a different port after each start.
    await this.#disconnect();
    await migrate(url);
    await this.#dataSource.setOptions({ url }).initialize();
    this.#connectedTo = url;
    return this.#dataSource;
  }

  async #disconnect(): Promise<void> {
    this.#connectedTo = undefined;
    if (this.#dataSource.isInitialized) await this.#dataSource.destroy();
  }
}

/** Runs all migrations in one transaction, one instance at a time. Without a timeout: an index on a large table is slow. */
export async function migrate(url: string): Promise<void> {
  const dataSource = new DataSource({ ...dataSourceOptions(url), migrations: await loadMigrations() });
  await dataSource.initialize();
  try {
    await withLock(dataSource, 'migrations', () => dataSource.runMigrations({ transaction: 'all' }));
  } finally {
    await dataSource.destroy();
  }
}

import { DataSource } from 'typeorm';
import { dataSourceOptions, loadMigrations } from './data-source.ts';
import { EmbeddedPostgres } from './embedded-postgres.ts';
import { inTurn } from './locks.ts';

/**
 * Connects the data source to PostgreSQL: when it is first needed, and again after a failure. A service whose database
 * is away starts and answers all the same. Whoever connects first brings the schema up to date.
 */
export class Database {
  readonly place: string;
  readonly #dataSource: DataSource;
  readonly #url: string;
  readonly #embedded: EmbeddedPostgres | undefined;
  #connecting: Promise<DataSource> | undefined;
  #connectedTo: string | undefined;

  /**
   * @param dataSource not initialized yet; it stays the same however often it is connected anew
   * @param url empty: a server of the service's own, in the data folder
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

  /** @throws what PostgreSQL, the network or a migration said; the next call tries again */
  async ready(): Promise<DataSource> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** @throws if the database does not answer */
  async check(): Promise<void> {
    const dataSource = await this.ready();
    await dataSource.query('SELECT 1');
  }

  async close(): Promise<void> {
    // A connection that is being made ends by itself if it fails; there is nothing to close then.
    await this.#connecting?.catch(() => undefined);
    await this.#disconnect();
    await this.#embedded?.leave();
  }

  async #connect(): Promise<DataSource> {
    const url = this.#embedded ? await this.#embedded.join() : this.#url;
    if (this.#connectedTo === url) return this.#dataSource;
    // An embedded server that was started again has another port.
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

/** All in one transaction, in one instance at a time; an index on a large table may take longer than queries may. */
export async function migrate(url: string): Promise<void> {
  const dataSource = new DataSource({ ...dataSourceOptions(url), migrations: await loadMigrations() });
  await dataSource.initialize();
  try {
    await inTurn(dataSource, 'migrations', () => dataSource.runMigrations({ transaction: 'all' }));
  } finally {
    await dataSource.destroy();
  }
}

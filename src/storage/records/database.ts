import type { DataSource } from 'typeorm';
import { createDataSource, loadMigrations } from './data-source.ts';
import { EmbeddedPostgres } from './embedded-postgres.ts';
import { inTurn } from './locks.ts';

const QUERY_TIMEOUT_MS = 60_000;

export interface DatabaseOptions {
  /** Empty: a server of the service's own, in the data folder. */
  readonly url: string;
  readonly dataFolder: string;
  readonly poolSize: number;
  readonly warn: (message: string, error: unknown) => void;
}

/**
 * The connection to PostgreSQL. It is made when it is first needed, and again after a failure: a service whose database
 * is away starts and answers all the same. Whoever connects first brings the schema up to date.
 */
export class Database {
  readonly place: string;
  readonly #options: DatabaseOptions;
  readonly #embedded: EmbeddedPostgres | undefined;
  #connecting: Promise<DataSource> | undefined;
  #connected: { readonly url: string; readonly dataSource: DataSource } | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#embedded = options.url === '' ? new EmbeddedPostgres(options.dataFolder) : undefined;
    this.place = this.#embedded ? 'the embedded PostgreSQL' : `PostgreSQL at ${new URL(options.url).host}`;
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
    await this.#connected?.dataSource.destroy();
    this.#connected = undefined;
    await this.#embedded?.leave();
  }

  async #connect(): Promise<DataSource> {
    const url = this.#embedded ? await this.#embedded.join() : this.#options.url;
    if (this.#connected?.url === url) return this.#connected.dataSource;
    // An embedded server that was started again has another port.
    await this.#connected?.dataSource.destroy();
    this.#connected = undefined;
    await migrate(url);
    const limits = { poolSize: this.#options.poolSize, queryTimeoutMs: QUERY_TIMEOUT_MS };
    const dataSource = await createDataSource(url, limits, (error) => {
      this.#options.warn('An idle database connection was closed', error);
    }).initialize();
    this.#connected = { url, dataSource };
    return dataSource;
  }
}

/** All in one transaction, in one instance at a time; an index on a large table may take longer than queries may. */
export async function migrate(url: string): Promise<void> {
  const dataSource = createDataSource(url, { poolSize: 2, queryTimeoutMs: 0 }, ignoreIdleFailure);
  dataSource.setOptions({ migrations: await loadMigrations() });
  await dataSource.initialize();
  try {
    await inTurn(dataSource, 'migrations', () => dataSource.runMigrations({ transaction: 'all' }));
  } finally {
    await dataSource.destroy();
  }
}

/** The connection is used without a pause and closed right after: its failure is told to whoever uses it. */
function ignoreIdleFailure(): void {
  // Nothing waits for an idle connection here.
}

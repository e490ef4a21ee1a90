import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/fixtures/test-database.ts';
import { createDataSource, loadMigrations } from './data-source.ts';
import { Database, migrate } from './database.ts';

const LIMITS = { poolSize: 2, queryTimeoutMs: 0 };

async function connect(url: string): Promise<DataSource> {
  const dataSource = createDataSource(url, LIMITS, () => undefined);
  dataSource.setOptions({ migrations: await loadMigrations() });
  return dataSource.initialize();
}

/** Everything that PostgreSQL knows of the tables, but for the list of migrations itself. */
async function readSchema(dataSource: DataSource): Promise<Record<string, unknown[]>> {
  const columns: unknown[] = await dataSource.query(`
    SELECT table_name, column_name, data_type, is_nullable, column_default, datetime_precision
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'migrations'
    ORDER BY table_name, ordinal_position`);
  const indexes: unknown[] = await dataSource.query(`
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'migrations' ORDER BY indexname`);
  const constraints: unknown[] = await dataSource.query(`
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'migrations' ORDER BY conname`);
  return { columns, indexes, constraints };
}

describe('migrations', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await connect(database.url);
  });
  afterAll(async () => {
    await dataSource.destroy();
    await database.close();
  });

  it('lead back to the same schema, one by one, down and up again', async () => {
    await migrate(database.url);
    const schema = await readSchema(dataSource);
    const { length } = await loadMigrations();
    for (let undone = 1; undone <= length; undone++) {
      for (let step = 0; step < undone; step++) await dataSource.undoLastMigration({ transaction: 'all' });
      await dataSource.runMigrations({ transaction: 'all' });
      expect(await readSchema(dataSource)).toEqual(schema);
    }
    for (let step = 0; step < length; step++) await dataSource.undoLastMigration({ transaction: 'all' });
    expect(await readSchema(dataSource)).toEqual({ columns: [], indexes: [], constraints: [] });
    await dataSource.runMigrations({ transaction: 'all' });
  });

  it('and the entities say the same', async () => {
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('the check for drift can fail', async () => {
    await dataSource.query('DROP INDEX jobs_created');
    await dataSource.query('ALTER TABLE images ADD COLUMN forgotten text');
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([
      expect.stringContaining('DROP COLUMN "forgotten"'),
      expect.stringContaining('CREATE INDEX "jobs_created"'),
    ]);
  });
});

describe('Database', () => {
  const open = (url: string) => new Database({ url, dataFolder: '/nonexistent', poolSize: 2, warn: () => undefined });

  it('brings the schema up to date once, though many instances start at once', async () => {
    const database = await createTestDatabase();
    const instances = Array.from({ length: 6 }, () => open(database.url));
    const dataSources = await Promise.all(instances.map((instance) => instance.ready()));
    const applied: unknown[] = await dataSources[0]!.query('SELECT name FROM migrations');
    expect(applied).toHaveLength((await loadMigrations()).length);
    await Promise.all(instances.map((instance) => instance.close()));
    await database.close();
  });

  it('can be asked again after it could not be reached', async () => {
    const away = open('postgres://nobody:nothing@127.0.0.1:9/none');
    await expect(away.ready()).rejects.toThrow();
    await expect(away.check()).rejects.toThrow();
    await expect(away.close()).resolves.toBeUndefined();
  });
});

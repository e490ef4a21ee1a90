import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDataFolder } from '../../../test/fixtures/data-folder.ts';
import { openDatabase } from '../../../test/fixtures/opened-database.ts';
import { createTestDatabase, type TestDatabase } from '../../../test/fixtures/test-database.ts';
import { dataSourceOptions, loadMigrations } from './data-source.ts';
import { migrate } from './database.ts';
import { sessionEntity } from './session.entity.ts';

async function connect(url: string): Promise<DataSource> {
  return new DataSource({ ...dataSourceOptions(url), migrations: await loadMigrations() }).initialize();
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
  it('brings the schema up to date once, though many instances start at once', async () => {
    const database = await createTestDatabase();
    const instances = Array.from({ length: 6 }, () => openDatabase(database.url));
    const dataSources = await Promise.all(instances.map((instance) => instance.ready()));
    const applied: unknown[] = await dataSources[0]!.query('SELECT name FROM migrations');
    expect(applied).toHaveLength((await loadMigrations()).length);
    await Promise.all(instances.map((instance) => instance.close()));
    await database.close();
  });

  it('follows the embedded server to another port, and its repositories with it', async () => {
    const folder = await makeDataFolder('database');
    const database = openDatabase('', folder);
    try {
      const dataSource = await database.ready();
      const sessions = dataSource.getRepository(sessionEntity);
      await sessions.insert({
        digest: 'a',
        userName: null,
        externalRole: null,
        password: 'b',
        createdAt: new Date(),
        lastSeenAt: new Date(),
      });
      const pidFile = join(folder, 'postgres', 'postmaster.pid');
      const readServer = async () => (await readFile(pidFile, 'utf8')).split('\n');
      const [pid, , , port] = await readServer();
      process.kill(Number(pid), 'SIGKILL');
      const found = async () => {
        await database.ready();
        // A connection of the killed server may answer for some moments.
        const isSame = (await readServer())[3] === port;
        return isSame ? 'the same port' : sessions.findOneBy({ digest: 'a' });
      };
      await expect.poll(() => found().catch(() => 'away'), { timeout: 20_000 }).toMatchObject({ password: 'b' });
      expect(await database.ready()).toBe(dataSource);
    } finally {
      await database.close();
      await rm(folder, { recursive: true });
    }
  });

  it('can be asked again after it could not be reached', async () => {
    const away = openDatabase('postgres://nobody:nothing@127.0.0.1:9/none');
    await expect(away.ready()).rejects.toThrow();
    await expect(away.check()).rejects.toThrow();
    await expect(away.close()).resolves.toBeUndefined();
  });
});

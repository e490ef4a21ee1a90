import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ifPresent } from '../../files/durable-file.ts';
import { makeDataFolder } from '../../../test/fixtures/data-folder.ts';
import { EmbeddedPostgres } from './embedded-postgres.ts';

const USER_OF_SERVER = fileURLToPath(new URL('../../../test/fixtures/database-user.ts', import.meta.url));

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(sql);
  await client.end();
  return rows[0] && Object.values(rows[0])[0];
}

describe('EmbeddedPostgres', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await makeDataFolder('embedded');
  });
  afterAll(async () => {
    await EmbeddedPostgres.stopLeftOver(folder);
    await rm(folder, { recursive: true });
  });
  const pidFile = async () => (await ifPresent(readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8'))) ?? null;
  const serverPid = async () => Number((await pidFile())!.split('\n')[0]);

  it('starts from nothing, keeps what is in it, and stops with its last user', async () => {
    const [first, second] = [new EmbeddedPostgres(folder), new EmbeddedPostgres(folder)];
    const urls = await Promise.all([first.join(), second.join()]);
    expect(urls[0]).toBe(urls[1]);
    await ask(urls[0], 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.leave();
    expect(await ask(urls[1], 'SELECT answer FROM kept')).toBe(42);
    await second.leave();
    expect(await pidFile()).toBeNull();
    expect(await ask(await first.join(), 'SELECT answer FROM kept')).toBe(42);
    await first.leave();
    // Nothing is left over of the one that was slower to set it up.
    expect((await readdir(folder)).sort()).toEqual(['postgres', 'postgres.log', 'postgres.password']);
  });

  it('joins a server whose process was killed, and stops it in the end', async () => {
    const child = fork(USER_OF_SERVER, [folder]);
    const [url] = (await once(child, 'message')) as [string];
    child.kill('SIGKILL');
    await once(child, 'exit');
    const server = new EmbeddedPostgres(folder);
    expect(await server.join()).toBe(url);
    expect(await ask(url, 'SELECT 1')).toBe(1);
    await server.leave();
    expect(await pidFile()).toBeNull();
  });

  it('starts again after the server itself was killed', async () => {
    const server = new EmbeddedPostgres(folder);
    await server.join();
    process.kill(await serverPid(), 'SIGKILL');
    await expect
      .poll(async () => ask(await server.join(), 'SELECT 1').catch(() => 'away'), { timeout: 20_000 })
      .toBe(1);
    await server.leave();
  });

  it('does not take another process for the server, because it has the number that is left in the pid file', async () => {
    const server = new EmbeddedPostgres(folder);
    await server.join();
    const text = await pidFile();
    await server.leave();
    const [, ...rest] = text!.split('\n');
    await writeFile(join(folder, 'postgres', 'postmaster.pid'), [process.pid, ...rest].join('\n'));
    expect(await ask(await server.join(), 'SELECT 1')).toBe(1);
    await server.leave();
  });

  // The last: it leaves the settings broken.
  it('says what is wrong where it cannot start', async () => {
    const server = new EmbeddedPostgres(folder);
    await server.join();
    await server.leave();
    await writeFile(join(folder, 'postgres', 'postgresql.conf'), 'no_such_setting = 1\n');
    await expect(server.join()).rejects.toThrow(/does not start.*no_such_setting/s);
  });
});

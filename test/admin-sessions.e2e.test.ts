import { rm } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Accounts } from '../src/admin/access/accounts.ts';
import { hashPassword } from '../src/admin/access/password.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { startTcpProxy, type TcpProxy } from './fixtures/tcp-proxy.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { bearer, cookieOf, loggedIn, login, operatorSettings, SAME_ORIGIN } from './support/operator.ts';
import { expectProblem, type Service, startService } from './support/service.ts';

let database: TestDatabase;
let proxy: TcpProxy;
let databasePort: number;
let folder: string;
let settings: Record<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  const url = new URL(database.url);
  databasePort = Number(url.port);
  proxy = await startTcpProxy(databasePort);
  url.host = `127.0.0.1:${proxy.port}`;
  folder = await makeDataFolder('sessions');
  settings = {
    ...(await operatorSettings()),
    FACE_API_STORAGE_ENABLED: 'true',
    FACE_API_DATA_FOLDER: folder,
    FACE_API_ROLE: 'admin',
    DATABASE_URL: url.href,
  };
});
afterAll(async () => {
  await proxy.close();
  await database.close();
  await rm(folder, { recursive: true });
});

async function withService<Result>(
  work: (service: Service) => Promise<Result>,
  changed: Record<string, string> = {},
): Promise<Result> {
  const service = await startService({ ...settings, ...changed });
  try {
    return await work(service);
  } finally {
    await service.close();
  }
}

const statusOf = async (service: Service, headers: Record<string, string>) =>
  (await fetch(`${service.url}/api/v1/admin/session`, { headers })).status;

describe('with storage on, a session', () => {
  it('goes on after a restart, and in every instance, until its logout in any of them', async () => {
    const session = await withService((service) => loggedIn(service.url));
    await withService((one) =>
      withService(async (other) => {
        expect([await statusOf(one, session), await statusOf(other, session)]).toEqual([200, 200]);
        await fetch(`${one.url}/api/v1/admin/session`, { method: 'DELETE', headers: session });
        expect([await statusOf(one, session), await statusOf(other, session)]).toEqual([401, 401]);
      }),
    );
  });

  it('goes on after a restart where the password was made at the start', async () => {
    const generated = { FACE_API_ADMIN_PASSWORD_HASH: '' };
    const headers = await withService(async (service) => {
      const response = await login(service.url, service.app.get(Accounts).generated!);
      return { ...SAME_ORIGIN, cookie: cookieOf(response)! };
    }, generated);
    await withService(async (service) => {
      expect(await statusOf(service, headers)).toBe(200);
    }, generated);
  });

  it('ends when the password is changed', async () => {
    const session = await withService((service) => loggedIn(service.url));
    const changed = { FACE_API_ADMIN_PASSWORD_HASH: await hashPassword('another password altogether') };
    await withService(async (service) => {
      expect(await statusOf(service, session)).toBe(401);
    }, changed);
  });

  it('is known to the database by a digest of its id alone', async () => {
    const { cookie } = await withService((service) => loggedIn(service.url));
    const client = new pg.Client(database.url);
    await client.connect();
    try {
      const { rows } = await client.query<Record<string, unknown>>('SELECT * FROM sessions');
      expect(rows.length).toBeGreaterThan(0);
      expect(JSON.stringify(rows)).not.toContain(cookie!.split('=')[1]);
    } finally {
      await client.end();
    }
  });

  it('is neither opened nor believed while the database is away; tokens are', async () => {
    await withService(async (service) => {
      const session = await loggedIn(service.url);
      proxy.target = undefined;
      try {
        const response = await fetch(`${service.url}/api/v1/admin/session`, { headers: session });
        expect(response.headers.get('retry-after')).toBe('5');
        await expectProblem(response, 503, 'storage-unavailable');
        await expectProblem(await login(service.url), 503, 'storage-unavailable');
        expect(await statusOf(service, bearer)).toBe(200);
      } finally {
        proxy.target = databasePort;
      }
      expect(await statusOf(service, session)).toBe(200);
    });
  });
});

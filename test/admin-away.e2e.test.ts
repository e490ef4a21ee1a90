import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobPage } from '../src/admin/kept/schemas.ts';
import type { StatisticsBody } from '../src/admin/statistics/schemas.ts';
import type { SystemBody } from '../src/admin/system/schemas.ts';
import { detectionSchema } from '../src/inference/schemas.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { ADMIN_ENVIRONMENT, asAdmin, readJson, startAdminService } from './support/admin-client.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { s3Environment, startS3Server, type TestS3Server } from './fixtures/s3-server.ts';
import { startTcpProxy, type TcpProxy } from './fixtures/tcp-proxy.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { expectProblem, type Service, startService, until } from './support/service.ts';

const photo = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');
const SOME = '01900000-0000-7000-8000-000000000000';

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** It asks the object store, and not the database alone. */
  readonly needsBytes?: boolean;
}

/** All that looks at what is kept, or does something to it. */
const stored = (id: string, jobId: string): readonly Call[] => [
  { method: 'GET', path: '/images' },
  { method: 'GET', path: `/images/${id}` },
  { method: 'GET', path: `/images/${id}/thumbnail`, needsBytes: true },
  { method: 'DELETE', path: `/images/${id}`, needsBytes: true },
  { method: 'DELETE', path: `/images/${id}?dry_run=true`, needsBytes: true },
  { method: 'POST', path: `/images/${id}/jobs`, body: { kind: 'detect' }, needsBytes: true },
  { method: 'GET', path: '/jobs' },
  { method: 'GET', path: '/jobs.csv' },
  { method: 'GET', path: `/jobs/${jobId}` },
  { method: 'GET', path: '/batches' },
  { method: 'POST', path: '/reconciliation', body: { dry_run: true }, needsBytes: true },
  { method: 'GET', path: '/audit' },
];

function tryOut(service: Service): Promise<Response> {
  return asAdmin(service, '/playground/detect', {
    method: 'POST',
    body: { image: Buffer.concat([photo, randomBytes(8)]).toString('base64') },
  });
}

describe('with storage off', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startAdminService();
  });
  afterAll(() => service.close());

  it.each(stored(SOME, SOME))('$method $path says so', async (call) => {
    const { detail } = await expectProblem(await asAdmin(service, call.path, call), 409, 'storage-off');
    expect(detail).toContain('FACE_API_STORAGE_ENABLED');
  });

  it('the playground, statistics and the system answer', async () => {
    expect(detectionSchema.parse(await readJson(tryOut(service))).face_count).toBe(1);
    expect((await readJson<StatisticsBody>(asAdmin(service, '/statistics'))).instances[0]!.storage).toBe('off');
    const { storage, disk } = await readJson<SystemBody>(asAdmin(service, '/system'));
    expect({ storage, disk }).toEqual({
      storage: { enabled: false, condition: null, problems: [], database: null, objects: null, spool: null },
      disk: null,
    });
  });
});

describe('with storage on', () => {
  let folder: string;
  let database: TestDatabase;
  let proxy: TcpProxy;
  let databasePort: number;
  let s3: TestS3Server;
  let service: Service;
  let image: string;
  let job: string;

  beforeAll(async () => {
    folder = await makeDataFolder();
    database = await createTestDatabase();
    s3 = await startS3Server();
    const url = new URL(database.url);
    databasePort = Number(url.port);
    proxy = await startTcpProxy(databasePort);
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    service = await startService({
      ...ADMIN_ENVIRONMENT,
      ...s3Environment(s3.settings),
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: url.href,
    });
    await tryOut(service);
    const { rows } = await until(async () => {
      const page = await readJson<JobPage>(asAdmin(service, '/jobs'));
      return page.rows.length > 0 && page;
    });
    image = rows[0]!.image_id!;
    job = rows[0]!.id;
  });
  afterAll(async () => {
    await service.close();
    await proxy.close();
    await s3.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const isUnavailable = async (response: Response) => {
    await expectProblem(response, 503, 'storage-unavailable');
    expect(response.headers.get('retry-after')).toBe('5');
  };

  it('all that is stored is unavailable while the database is away, and nothing else is', async () => {
    proxy.target = undefined;
    try {
      for (const call of stored(image, job)) await isUnavailable(await asAdmin(service, call.path, call));
      expect(detectionSchema.parse(await readJson(tryOut(service))).face_count).toBe(1);
      expect((await readJson<StatisticsBody>(asAdmin(service, '/statistics'))).scope).toBe('process');
      const { storage } = await readJson<SystemBody>(asAdmin(service, '/system'));
      expect(storage).toMatchObject({
        enabled: true,
        database: { reachable: false, latency_ms: null },
        objects: { reachable: true },
      });
      expect(storage.spool!.files).toBeGreaterThan(0);
    } finally {
      proxy.target = databasePort;
    }
    const { rows } = await until(async () => {
      const page = await readJson<JobPage>(asAdmin(service, '/jobs'));
      return page.rows.length === 2 && page;
    }, 30_000);
    expect(rows).toHaveLength(2);
  });

  it('lists and records are told while the object store is away, and what needs bytes is not', async () => {
    await s3.stop();
    try {
      for (const call of stored(image, job)) {
        const response = await asAdmin(service, call.path, call);
        if (call.needsBytes === true) await isUnavailable(response);
        else expect([response.status, await response.text()], call.path).toEqual([200, expect.any(String)]);
      }
      const { storage } = await readJson<SystemBody>(asAdmin(service, '/system'));
      expect(storage).toMatchObject({ database: { reachable: true }, objects: { reachable: false } });
    } finally {
      await s3.start();
    }
    // The erasure that failed half-way left its rows, and can be done again.
    const erased = await readJson(asAdmin(service, `/images/${image}`, { method: 'DELETE' }));
    expect(erased).toMatchObject({ image_id: image, jobs: 1, objects: 1 });
  });
});

describe('without a session', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startAdminService();
  });
  afterAll(() => service.close());

  it('no operation of the document answers anything, except what a login needs', async () => {
    const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    let asked = 0;
    for (const [path, methods] of Object.entries(document.paths)) {
      if (!path.startsWith('/api/v1/admin/')) continue;
      for (const [method, { operationId }] of Object.entries(methods)) {
        if (operationId === 'adminLoginForm' || /^admin(OpenId)?(Login|Callback)$/.test(operationId)) continue;
        const address = path.replace(/\{(id|webhook)\}/g, SOME).replace('{number}', '1');
        const response = await fetch(service.url + address, { method: method.toUpperCase() });
        await expectProblem(response, 401, 'unauthorized');
        asked++;
      }
    }
    expect(asked).toBeGreaterThan(14);
  });
});

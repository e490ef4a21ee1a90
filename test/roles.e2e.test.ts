import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { portOf, readConfiguration } from '../src/config/configuration.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { operatorSettings } from './support/operator.ts';
import { type Service, startService } from './support/service.ts';

const PUBLIC = [
  'POST /api/v1/detect',
  'POST /api/v1/mask',
  'POST /api/v1/receipts/verify',
  'GET /.well-known/jwks.json',
  'GET /api/v1/jobs',
];
const ADMIN = ['GET /api/v1/admin/session', 'GET /admin', 'GET /admin/login'];
const COMMON = ['GET /', 'GET /health/live', 'GET /health/ready', 'GET /metrics', 'GET /openapi.json'];

describe.each([
  { role: 'all', port: 8000, serves: [...PUBLIC, ...ADMIN], leavesOut: [] },
  { role: 'api', port: 8000, serves: PUBLIC, leavesOut: ADMIN },
  { role: 'admin', port: 4321, serves: ADMIN, leavesOut: PUBLIC },
  { role: 'worker', port: 4322, serves: [], leavesOut: [...PUBLIC, ...ADMIN] },
])('the role $role', ({ role, port, serves, leavesOut }) => {
  let folder: string;
  let database: TestDatabase;
  let service: Service;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'face-api-roles-'));
    database = await createTestDatabase();
    service = await startService({
      ...(await operatorSettings()),
      FACE_API_ROLE: role,
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
    });
  });
  afterAll(async () => {
    await service.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const ask = async (route: string) => {
    const [method, path] = route.split(' ') as [string, string];
    const response = await fetch(service.url + path, { method, redirect: 'manual' });
    return { route, status: response.status, text: await response.text() };
  };

  it('serves what belongs to it, health, metrics and its documentation', async () => {
    for (const route of [...serves, ...COMMON]) {
      const { status, text } = await ask(route);
      // A console that is not built answers 404 too, and says so.
      expect({ route, isMissing: status === 404 && !text.includes('not built') }).toEqual({ route, isMissing: false });
    }
  });

  it('knows nothing of the rest', async () => {
    for (const route of leavesOut) {
      const { status, text } = await ask(route);
      expect({ route, status, isBuilt: !text.includes('not built') }).toEqual({ route, status: 404, isBuilt: true });
    }
  });

  it('describes just what it serves', async () => {
    const { paths } = JSON.parse((await ask('GET /openapi.json')).text) as { paths: object };
    const described = Object.keys(paths);
    expect(described.includes('/api/v1/mask')).toBe(serves.includes('POST /api/v1/mask'));
    expect(described.includes('/api/v1/admin/session')).toBe(serves.includes('GET /api/v1/admin/session'));
  });

  it(`listens on ${port} where no port is named`, () => {
    const environment = { FACE_API_ROLE: role, FACE_API_STORAGE_ENABLED: 'true' };
    expect(portOf(readConfiguration(environment).server)).toBe(port);
    expect(portOf(readConfiguration({ ...environment, FACE_API_PORT: '9000' }).server)).toBe(9000);
  });
});

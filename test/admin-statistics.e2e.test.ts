import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StatisticsBody, statisticsSchema } from '../src/admin/statistics/schemas.ts';
import { ADMIN_ENVIRONMENT, asAdmin, readJson, startAdminService } from './support/admin-client.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { startTcpProxy, type TcpProxy } from './fixtures/tcp-proxy.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { expectProblem, send, type Service, startService, until } from './support/service.ts';

const photo = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');

async function statisticsOf(service: Service, query = ''): Promise<StatisticsBody> {
  return statisticsSchema.strict().parse(await readJson(asAdmin(service, `/statistics${query}`)));
}

describe('statistics with storage off', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startAdminService();
  });
  afterAll(() => service.close());

  it('count what was answered, how, and how many bytes it took', async () => {
    for (let sent = 0; sent < 3; sent++) await (await send(service.url, 'detect', photo)).arrayBuffer();
    const masked = Buffer.from(await (await send(service.url, 'mask', photo)).arrayBuffer());
    await (await send(service.url, 'detect', Buffer.from('no image'))).arrayBuffer();
    await (await send(service.url, 'detect', photo, { query: { threshold: 7 } })).arrayBuffer();
    await fetch(`${service.url}/health/live`);

    const { totals, buckets, instances, scope } = await until(async () => {
      const statistics = await statisticsOf(service);
      return statistics.totals.requests === 6 && statistics;
    });
    expect(scope).toBe('process');
    expect(totals).toMatchObject({ rejected: 0, client_errors: 2, server_errors: 0, faces: 4, masked: 1 });
    expect(totals.bytes_in).toBeGreaterThan(5 * photo.length);
    expect(totals.bytes_in).toBeLessThan(5 * photo.length + 10_000);
    expect(totals.bytes_out).toBeGreaterThan(masked.length);
    expect(totals.bytes_out).toBeLessThan(masked.length + 20_000);
    expect(totals.p50_ms).toBeGreaterThan(0);
    expect(totals.p99_ms).toBeGreaterThanOrEqual(totals.p50_ms!);
    expect(buckets.length).toBeGreaterThanOrEqual(60);
    expect(buckets.reduce((sum, { requests }) => sum + requests, 0)).toBe(6);
    expect(buckets.filter(({ requests }) => requests === 0).every(({ p50_ms }) => p50_ms === null)).toBe(true);
    expect(instances).toHaveLength(1);
    expect(instances[0]).toMatchObject({ role: 'all', in_flight: 0, storage: 'off' });
    expect(instances[0]!.slots).toBeGreaterThan(0);
  });

  it('are the same by the hour', async () => {
    const { totals } = await statisticsOf(service, '?step_seconds=3600');
    expect(totals.requests).toBe(6);
  });

  it.each([
    ['a step that is no whole minute', 'step_seconds=90'],
    ['a period that ends before it starts', 'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z'],
    ['too many buckets', 'from=2026-01-01T00:00:00Z&to=2026-01-03T00:00:00Z&step_seconds=60'],
    ['minutes of many months', 'from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&step_seconds=86340'],
    ['a time that is none', 'from=yesterday'],
    ['an unknown parameter', 'since=2026-01-01T00:00:00Z'],
  ])('are refused for %s', async (_what, query) => {
    await expectProblem(await asAdmin(service, `/statistics?${query}`), 400, 'invalid-request');
  });
});

describe('statistics with storage on', () => {
  let folder: string;
  let database: TestDatabase;
  let proxy: TcpProxy;
  let databasePort: number;
  let environment: Record<string, string>;
  const services: Service[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'face-api-data-'));
    database = await createTestDatabase();
    const url = new URL(database.url);
    databasePort = Number(url.port);
    proxy = await startTcpProxy(databasePort);
    url.hostname = '127.0.0.1';
    url.port = String(proxy.port);
    environment = {
      ...ADMIN_ENVIRONMENT,
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: url.href,
    };
  });
  afterAll(async () => {
    for (const service of services) await service.close();
    await proxy.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  async function start(more: Record<string, string> = {}): Promise<Service> {
    const service = await startService({ ...environment, ...more });
    services.push(service);
    return service;
  }

  async function stop(service: Service): Promise<void> {
    services.splice(services.indexOf(service), 1);
    await service.close();
  }

  it('survive the process, and an admin process sees what api processes do', async () => {
    const admin = await start({ FACE_API_ROLE: 'admin' });
    const api = await start({ FACE_API_ROLE: 'api' });
    await send(api.url, 'mask', photo);
    const both = await until(async () => {
      const { instances, totals } = await statisticsOf(admin);
      return instances.length === 2 && totals.requests === 1 && instances;
    }, 30_000);
    expect(both.map(({ role }) => role).sort()).toEqual(['admin', 'api']);
    await send(api.url, 'detect', photo);
    await stop(api);
    const { totals, instances, scope } = await statisticsOf(admin);
    expect({ totals, scope }).toMatchObject({ scope: 'service', totals: { requests: 2, faces: 2, masked: 1 } });
    expect(instances.map(({ role }) => role)).toEqual(['admin']);
    await stop(admin);
  });

  it('are added to by a process that comes after, to the minute and to the hour', async () => {
    const service = await start();
    await send(service.url, 'detect', photo);
    for (const query of ['', '?step_seconds=3600']) {
      const { totals } = await until(async () => {
        const statistics = await statisticsOf(service, query);
        return statistics.totals.requests === 3 && statistics;
      });
      expect(totals.p50_ms).toBeGreaterThan(0);
    }
    await stop(service);
  });

  it('are those of the process alone while the database is away, and are whole when it is back', async () => {
    const service = await start();
    proxy.target = undefined;
    await send(service.url, 'detect', photo);
    const alone = await statisticsOf(service);
    expect({ scope: alone.scope, requests: alone.totals.requests }).toEqual({ scope: 'process', requests: 1 });
    expect(alone.instances).toHaveLength(1);
    proxy.target = databasePort;
    const whole = await until(async () => {
      const statistics = await statisticsOf(service);
      return statistics.scope === 'service' && statistics;
    }, 30_000);
    expect(whole.totals.requests).toBe(4);
    await stop(service);
    const after = await start();
    expect((await statisticsOf(after)).totals.requests).toBe(4);
  });
});

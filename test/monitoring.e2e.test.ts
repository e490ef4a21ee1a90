import { readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Metrics } from '../src/metrics/metrics.ts';
import { VERSION } from '../src/version.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { login, operatorSettings } from './support/operator.ts';
import { RawClient, send, type Service, startService, until } from './support/service.ts';

const image = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');
const docs = await readFile(new URL('../docs/monitoring.md', import.meta.url), 'utf8');

const scrape = async (service: Service) => (await fetch(`${service.url}/metrics`)).text();

/** The value of a series, as `name{label="value"}`; undefined where there is none. */
function sample(text: string, series: string): number | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

/** Rows of the documentation's table, as the registry has them too: name, type, labels, meaning. */
function documented(): string[][] {
  return docs
    .split('\n')
    .filter((line) => line.startsWith('| `face_api_'))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('`', '')));
}

async function registered(service: Service): Promise<string[][]> {
  const { registry } = service.app.get(Metrics);
  const types = new Map((await registry.getMetricsAsJSON()).map(({ name, type }) => [name, String(type)]));
  // What a metric's labels are named is not in its public type.
  const metrics = registry.getMetricsAsArray() as unknown as { name: string; help: string; labelNames: string[] }[];
  return metrics
    .filter(({ name }) => name.startsWith('face_api_'))
    .map(({ name, help, labelNames }) => [name, types.get(name)!, labelNames.join(', '), help]);
}

const byName = (rows: string[][]) => rows.toSorted(([a], [b]) => (a! < b! ? -1 : 1));

describe('a service with everything on', () => {
  let folder: string;
  let service: Service;

  beforeAll(async () => {
    folder = await makeDataFolder();
    service = await startService({
      ...(await operatorSettings()),
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
    });
  });
  afterAll(async () => {
    await service.close();
    await rm(folder, { recursive: true });
  });

  it('has the metrics that the documentation lists, and no other', async () => {
    expect(byName(documented())).toEqual(byName(await registered(service)));
  });

  it('says which build runs, in which role, with which model', async () => {
    const text = await scrape(service);
    expect(sample(text, `face_api_build_info{version="${VERSION}",role="all"}`)).toBe(1);
    expect(text).toMatch(/^face_api_model_info\{name="[^"]+",sha256="[0-9a-f]{64}"\} 1$/m);
  });

  it('counts faces that were masked, and times the wait for a permit', async () => {
    const before = await scrape(service);
    const response = await send(service.url, 'mask', image);
    await response.arrayBuffer();
    const after = await scrape(service);
    const added = (series: string) => sample(after, series)! - (sample(before, series) ?? 0);

    expect(Number(response.headers.get('x-masked-count'))).toBe(1);
    expect(added('face_api_faces_masked_total')).toBe(1);
    expect(added('face_api_stage_duration_seconds_count{stage="queue"}')).toBe(1);
  });

  it('counts logins by outcome, also those that are not looked at any more', async () => {
    for (let attempt = 0; attempt < 12; attempt++) await (await login(service.url, 'wrong')).arrayBuffer();
    const text = await scrape(service);

    expect(sample(text, 'face_api_logins_total{outcome="failed"}')).toBe(10);
    expect(sample(text, 'face_api_logins_total{outcome="throttled"}')).toBe(2);
    expect(sample(text, 'face_api_logins_total{outcome="succeeded"}')).toBe(0);
    // A login that is throttled is no image that is turned away.
    expect(sample(text, 'face_api_rejections_total{reason="too_many_requests"}')).toBe(0);
  });

  it('counts logins that succeed', async () => {
    const other = await startService(await operatorSettings());
    try {
      await (await login(other.url)).arrayBuffer();
      expect(sample(await scrape(other), 'face_api_logins_total{outcome="succeeded"}')).toBe(1);
    } finally {
      await other.close();
    }
  });
});

describe('a service without storage', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService({
      FACE_API_MAX_CONCURRENT_REQUESTS: '1',
      FACE_API_REQUESTS_PER_MINUTE: '3',
    });
  });
  afterAll(() => service.close());

  it('has all metrics but those of storage, its spool, batches and webhooks', async () => {
    const ofStorage = /^face_api_(storage|spool|batch|webhook)_/;
    expect(byName(await registered(service))).toEqual(byName(documented().filter(([name]) => !ofStorage.test(name!))));
  });

  it('counts what it turns away, by reason, and who hangs up', async () => {
    const reasons = ['busy', 'too_many_requests', 'storage_full', 'not_ready'];
    const counts = async () => {
      const text = await scrape(service);
      return Object.fromEntries(
        reasons.map((reason) => [reason, sample(text, `face_api_rejections_total{reason="${reason}"}`)]),
      );
    };
    expect(await counts()).toEqual({ busy: 0, too_many_requests: 0, storage_full: 0, not_ready: 0 });

    const slow = await RawClient.connect(service.port);
    slow.sendHead('detect', image.length);
    await until(async () => sample(await scrape(service), 'face_api_requests_in_flight') === 1);
    expect((await send(service.url, 'mask', image)).status).toBe(503);
    slow.hangUp();
    await until(async () => sample(await scrape(service), 'face_api_requests_in_flight') === 0);
    expect(sample(await scrape(service), 'face_api_hang_ups_total{route="/api/v1/detect"}')).toBe(1);

    // What is wrong with the image itself is no rejection.
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await send(service.url, 'detect', Buffer.from('no image'))).status);
    expect(statuses).toEqual(expect.arrayContaining([415, 429]));
    const tooMany = statuses.filter((status) => status === 429).length;
    expect(await counts()).toEqual({ busy: 1, too_many_requests: tooMany, storage_full: 0, not_ready: 0 });
  });
});

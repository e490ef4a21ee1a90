import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Metrics } from '../src/metrics/metrics.ts';
import { asSent, MONITORING, type Panel, readAlarms, readDashboard } from './fixtures/dashboard.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { freePort } from './fixtures/free-port.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { isInstalled } from './fixtures/programs.ts';
import { namesIn } from './fixtures/promql.ts';
import { operatorSettings } from './support/operator.ts';
import { RawClient, send, type Service, startService, until } from './support/service.ts';

const image = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');
const dashboard = await readDashboard();
const alarms = await readAlarms();
const shown = dashboard.panels.flatMap(({ title, targets }) => targets.map((target) => ({ title, ...target })));

let folder: string;
let service: Service;

/** A service that has found, masked, stored, and been hung up on. */
beforeAll(async () => {
  folder = await makeDataFolder();
  service = await startService({
    ...(await operatorSettings()),
    FACE_API_STORAGE_ENABLED: 'true',
    FACE_API_DATA_FOLDER: folder,
  });
  await work();
});
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true });
});

async function work(): Promise<void> {
  await (await send(service.url, 'detect', image)).arrayBuffer();
  await (await send(service.url, 'mask', image)).arrayBuffer();
  const client = await RawClient.connect(service.port);
  client.sendHead('mask', image.length);
  await until(async () => /^face_api_requests_in_flight 1$/m.test(await scrape()));
  client.hangUp();
  await until(async () => /^face_api_requests_in_flight 0$/m.test(await scrape()));
}

const scrape = async () => (await fetch(`${service.url}/metrics`)).text();

/** Labels by the name of what is collected. */
async function collected(): Promise<Map<string, Set<string>>> {
  const { registry } = service.app.get(Metrics);
  const ofTarget = ['job', 'instance'];
  const series = new Map([['up', new Set(ofTarget)]]);
  // What a metric's labels are named is not in its public type.
  const metrics = registry.getMetricsAsArray() as unknown as { name: string; labelNames: string[] }[];
  const text = await scrape();
  for (const { name, labelNames } of metrics) {
    const labels = [...labelNames, ...ofTarget];
    if (!text.includes(`# TYPE ${name} histogram`)) series.set(name, new Set(labels));
    else {
      series.set(`${name}_bucket`, new Set([...labels, 'le']));
      series.set(`${name}_sum`, new Set(labels));
      series.set(`${name}_count`, new Set(labels));
    }
  }
  return series;
}

describe.each([
  ...alarms.map(({ alert, expr }) => ({ what: `the alarm ${alert}`, expr, legendFormat: '' })),
  ...shown.map(({ title, expr, legendFormat }) => ({ what: `the panel ${title}`, expr: asSent(expr), legendFormat })),
])('$what', ({ expr, legendFormat }) => {
  const { selectors, groupings } = namesIn(expr);

  it(`asks for what the service tells: ${expr}`, async () => {
    const series = await collected();
    const all = new Set<string>();
    for (const { metric, labels } of selectors) {
      const known = series.get(metric);
      expect({ metric, isThere: known !== undefined }).toEqual({ metric, isThere: true });
      for (const label of known!) all.add(label);
      expect(Object.keys(labels).filter((label) => !known!.has(label))).toEqual([]);
    }
    expect(selectors.length).toBeGreaterThan(0);
    const inLegend = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
    expect([...groupings, ...inLegend].filter((label) => !all.has(label))).toEqual([]);
  });

  it('picks reasons and outcomes that there are', async () => {
    const text = await scrape();
    const picked = selectors.flatMap(({ labels }) => ['reason', 'outcome'].flatMap((name) => labels[name] ?? []));
    expect(picked.filter((value) => !text.includes(`="${value}"`))).toEqual([]);
  });
});

describe('the dashboard', () => {
  it('has panels of different ids, none over another', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const overlap = ({ gridPos: a }: Panel, { gridPos: b }: Panel) =>
      a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
    for (const panel of panels) {
      expect(panel.gridPos.x + panel.gridPos.w).toBeLessThanOrEqual(24);
      const over = panels.filter((other) => other !== panel && overlap(panel, other)).map(({ title }) => title);
      expect({ panel: panel.title, over }).toEqual({ panel: panel.title, over: [] });
    }
  });

  it('offers the choice of jobs and instances that its panels ask for, and shows the alarms', () => {
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'instance']);
    expect(dashboard.templating.list[1]!.definition).toBe('label_values(face_api_build_info, job)');
    const [{ expr }] = dashboard.annotations.list as [{ expr: string }];
    expect(namesIn(expr).selectors[0]!.labels['alertname']).toEqual(['FaceApi.*']);
    expect(alarms.filter(({ alert }) => !alert.startsWith('FaceApi'))).toEqual([]);
  });
});

describe('the documentation', () => {
  it('explains every alarm, and no other', async () => {
    const text = await readFile(new URL('../docs/monitoring.md', import.meta.url), 'utf8');
    const explained = [...text.matchAll(/^### `(\w+)`$/gm)].map(([, alert]) => alert);
    expect(explained).toEqual(alarms.map(({ alert }) => alert));
  });
});

describe.skipIf(!isInstalled('promtool'))('promtool', () => {
  it.each([
    ['the configuration', ['check', 'config', 'prometheus.yml']],
    ['the alarms', ['check', 'rules', 'alerts.yml']],
    ['the alarms, raised when they must be and not before,', ['test', 'rules', 'alerts.test.yml']],
  ])('finds %s in order', async (_what, args) => {
    const { stdout } = await promisify(execFile)('promtool', args, { cwd: fileURLToPath(MONITORING) });
    expect(stdout).toContain('SUCCESS');
  });
});

describe.skipIf(!isInstalled('prometheus'))('a Prometheus that collects', () => {
  let prometheus: { url: string; stop: () => Promise<void> };

  beforeAll(async () => {
    prometheus = await startPrometheus(service.port);
    await until(async () => (await query('up{job="face-api"} == 1')).length === 1);
    await work();
    // Rates need two samples, the later of which saw the work.
    await until(async () => (await query('sum(rate(face_api_faces_masked_total[10s])) > 0')).length === 1);
  });
  afterAll(() => prometheus.stop());

  const query = async (expression: string) => {
    const response = await fetch(
      `${prometheus.url}/api/v1/query?${new URLSearchParams({ query: expression }).toString()}`,
    );
    const { data } = (await response.json()) as { data: { result: { metric: object; value: [number, string] }[] } };
    return data.result;
  };

  it.each(shown)('has something to show in "$title": $expr', async ({ expr }) => {
    const result = await query(asSent(expr));
    expect(result.length).toBeGreaterThan(0);
    expect(result.some(({ value: [, value] }) => Number.isFinite(Number(value)))).toBe(true);
  });

  it('raises no alarm while all is well', async () => {
    // Those on time and memory would tell of the machine that the tests run on.
    const others = alarms.filter(({ alert }) => !/Slow|EventLoop|Memory/.test(alert));
    for (const { alert, expr } of others) expect({ alert, raised: await query(expr) }).toEqual({ alert, raised: [] });
  });
});

/** Debian's Prometheus, which asks the service once a second. */
async function startPrometheus(port: number) {
  const home = await mkdtemp(join(tmpdir(), 'face-api-prometheus-'));
  const configuration = {
    global: { scrape_interval: '1s' },
    scrape_configs: [{ job_name: 'face-api', static_configs: [{ targets: [`127.0.0.1:${port}`] }] }],
  };
  await writeFile(join(home, 'prometheus.yml'), JSON.stringify(configuration));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(home, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(home, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  const url = `http://${address}`;
  await until(async () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return {
    url,
    stop: async () => {
      child.kill();
      await exited;
      await rm(home, { recursive: true });
    },
  };
}

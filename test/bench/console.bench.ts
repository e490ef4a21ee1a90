import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { hashPassword } from '../../src/admin/access/password.ts';
import { EmbeddedPostgres } from '../../src/storage/records/embedded-postgres.ts';
import { makeDataFolder } from '../fixtures/data-folder.ts';
import { openDatabase } from '../fixtures/opened-database.ts';
import { openBrowser } from '../support/chromium.ts';
import { PASSWORD } from '../support/operator.ts';
import { fillWithJobs, ROWS } from '../fixtures/million-jobs.ts';

/**
 * `npm run bench:console`: how long the console's API takes to answer over a million jobs and a month of traffic, by
 * HTTP, from a built service with its own PostgreSQL; and how long its page takes to show them, in a browser.
 */

const TRIES = 40;
const CLICKS = 10;
const TOKEN = 'bench-token-0123456789';
const DAYS = 30;
const PROCESSES = 2;

const folder = await makeDataFolder('bench');
const server = new EmbeddedPostgres(folder);
const url = await server.join();
const database = openDatabase(url);
const dataSource = await database.ready();
await fillWithJobs(dataSource);
for (const [span, seconds] of [
  ['minute', 60],
  ['hour', 3600],
] as const) {
  await dataSource.query(
    `INSERT INTO traffic
     SELECT $1, at, ('01900000-0000-7000-8000-00000000000' || process)::uuid, 600, 3, 5, 0, 900, 700, 300000000, 200000000,
       (SELECT jsonb_object_agg(bin, 5 + bin % 20) FROM generate_series(60, 105) bin)
     FROM generate_series(date_trunc('hour', now()) - $2::int * interval '1 day', now(), $3::int * interval '1 second') at,
       generate_series(1, $4::int) process`,
    [span, DAYS, seconds, PROCESSES],
  );
}
await dataSource.query('VACUUM ANALYZE traffic');

const service = spawn(process.execPath, ['dist/main.js'], {
  env: {
    ...process.env,
    FACE_API_PORT: '0',
    FACE_API_LOG_LEVEL: 'warn',
    FACE_API_STORAGE_ENABLED: 'true',
    FACE_API_DATA_FOLDER: folder,
    FACE_API_ADMIN_TOKENS: `bench:${TOKEN}`,
    FACE_API_ADMIN_PASSWORD_HASH: await hashPassword(PASSWORD),
    DATABASE_URL: url,
  },
  stdio: ['ignore', 'inherit', 'pipe'],
});
const base = await announcedUrl();

const DAY_MS = 86_400_000;
const from = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();
const first = (await (await ask('/jobs?limit=200')).json()) as { next: string };

const rows = [];
for (const [what, path] of [
  ['jobs, first page', '/jobs'],
  ['jobs, 200 a page, second page', `/jobs?limit=200&after=${first.next}`],
  ['jobs, most faces first', '/jobs?sort=most_faces'],
  ['jobs, failed', '/jobs?status=failed'],
  ['jobs, failed and masked', '/jobs?status=failed&kind=mask'],
  ['jobs, a rare error', '/jobs?error=internal'],
  ['jobs, a model there is none of', '/jobs?model=none'],
  ['jobs, 100 faces or more', '/jobs?min_faces=100'],
  ['jobs, a month of failures', '/jobs?status=failed&from=2025-05-01T00:00:00Z&to=2025-06-01T00:00:00Z'],
  ['images, first page', '/images'],
  ['statistics, an hour by the minute', '/statistics'],
  ['statistics, a day by the minute', `/statistics?from=${from(1)}`],
  ['statistics, a month by the hour', `/statistics?from=${from(DAYS)}&step_seconds=3600`],
  ['statistics, a day by the quarter of an hour', `/statistics?from=${from(1)}&step_seconds=900`],
] as const) {
  const times: number[] = [];
  let bytes = 0;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const start = performance.now();
    bytes = (await (await ask(path)).arrayBuffer()).byteLength;
    times.push(performance.now() - start);
  }
  const cold = times[0]!;
  times.sort((one, other) => one - other);
  rows.push({
    request: what,
    'first ms': round(cold),
    'p50 ms': round(times[TRIES / 2]!),
    'p95 ms': round(times[Math.floor(TRIES * 0.95)]!),
    KB: round(bytes / 1024),
  });
}
console.table(rows);

const clicks = await fromClickToRows();
process.stdout.write(
  `From the click on Jobs to its first rows on the screen: first ${round(clicks[0]!)} ms, then ${clicks
    .slice(1)
    .map((ms) => round(ms))
    .join(', ')} ms\n`,
);

const before = await residentMegabytes();
const start = performance.now();
let lines = 0;
let peak = 0;
const csv = (await ask('/jobs.csv')).body!.pipeThrough<string>(new TextDecoderStream());
for await (const text of csv) {
  lines += text.split('\n').length - 1;
  peak = Math.max(peak, (await residentMegabytes()) ?? 0);
}
process.stdout.write(
  `${lines - 1} of ${ROWS} jobs as CSV in ${round((performance.now() - start) / 1000)} s; the service held ${before} MB before and ${peak} MB at most meanwhile\n`,
);

service.kill('SIGTERM');
await once(service, 'exit');
await database.close();
await server.leave();
await rm(folder, { recursive: true, force: true });

async function ask(path: string): Promise<Response> {
  const response = await fetch(`${base}/api/v1/admin${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response;
}

/** Each time by a browser of its own, that has the page of the system open and nothing of the jobs. */
async function fromClickToRows(): Promise<number[]> {
  const browser = await openBrowser();
  const times: number[] = [];
  for (let attempt = 0; attempt < CLICKS; attempt++) {
    const page = await browser.newPage({ baseURL: base });
    await page.goto('/admin/system');
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Request slots').waitFor();
    times.push(
      await page.evaluate<number>(`new Promise((resolve) => {
        const start = performance.now();
        const look = () => {
          if (document.querySelector('main tbody a')) resolve(performance.now() - start);
          else requestAnimationFrame(look);
        };
        document.querySelector('nav a[href="/admin/jobs"]').click();
        look();
      })`),
    );
    await page.close();
  }
  await browser.close();
  return times;
}

/** What the service says is passed on. */
function announcedUrl(): Promise<string> {
  return new Promise((resolve, reject) => {
    service.once('exit', () => {
      reject(new Error('the service ended'));
    });
    service.stderr.on('data', (text: Buffer) => {
      process.stderr.write(text);
      const [address] = /http:\/\/[\w.]+:\d+/.exec(text.toString()) ?? [];
      if (address) resolve(address);
    });
  });
}

/** From Linux's /proc; elsewhere it is not told. */
async function residentMegabytes(): Promise<number | undefined> {
  const status = await readFile(`/proc/${service.pid}/status`, 'utf8').catch(() => '');
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(status) ?? [];
  return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1024);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

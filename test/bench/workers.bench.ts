/**
 * `npm run bench:workers [-- ITEMS]`: how much faster a batch is with two worker processes than with one, and how long requests
 * take while a batch is processed beside them: by workers, and in the same process. Everything runs on this machine.
 */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDataFolder } from '../fixtures/data-folder.ts';
import { type Environment, type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { drawnInput } from './inputs.ts';

const ITEMS = Number(process.argv[2] ?? 100);
const REQUESTS = 150;
/** Without the first ones, while threads and caches get warm */
const MEASURED_FROM = 0.1;

const { bytes } = await drawnInput('1080p', 'jpeg');
const folder = await makeDataFolder('bench');
const running: ServiceProcess[] = [];
try {
  const api = await start('api');
  const alone = await percentile95(api.url);
  print('requests to the role api, no batch', `p95 ${alone.toFixed(0)} ms`);

  const one = await start('worker', { FACE_API_MAX_CONCURRENT_INFERENCE: '1' });
  const rateOfOne = await rate(await submit(api.url));
  print('1 worker with 1 thread', `${rateOfOne.toFixed(2)} images/s`);

  const two = await start('worker', { FACE_API_MAX_CONCURRENT_INFERENCE: '1' });
  const rateOfTwo = await rate(await submit(api.url));
  print('2 workers with 1 thread each', `${rateOfTwo.toFixed(2)} images/s, ${(rateOfTwo / rateOfOne).toFixed(2)} ×`);

  print('requests to the role api, 2 workers busy', await besideBatch(api.url, alone));
  for (const service of [one, two, api]) await stop(service);

  const all = await start('all');
  const aloneInAll = await percentile95(all.url);
  print('requests to the role all, no batch', `p95 ${aloneInAll.toFixed(0)} ms`);
  print('requests to the role all, a batch in the same process', await besideBatch(all.url, aloneInAll));
} finally {
  for (const service of [...running]) await stop(service);
  await rm(folder, { recursive: true, force: true });
}

async function start(role: string, environment: Environment = {}): Promise<ServiceProcess> {
  const service = await startServiceProcess({
    FACE_API_ROLE: role,
    FACE_API_STORAGE_ENABLED: 'true',
    FACE_API_DATA_FOLDER: folder,
    ...environment,
  });
  running.push(service);
  return service;
}

/** By SIGTERM, so that the embedded PostgreSQL ends with the last of them. */
async function stop(service: ServiceProcess): Promise<void> {
  running.splice(running.indexOf(service), 1);
  service.child.kill('SIGTERM');
  await service.ended;
}

/** @returns the URL of a batch of ITEMS masks */
async function submit(url: string): Promise<string> {
  const form = new FormData();
  form.append('kind', 'mask');
  for (let at = 0; at < ITEMS; at++) form.append('file', new Blob([Uint8Array.from(bytes)]), `${at}.jpg`);
  const response = await fetch(`${url}/api/v1/jobs`, { method: 'POST', body: form });
  if (response.status !== 202) throw new Error(await response.text());
  return new URL(response.headers.get('location')!, url).href;
}

async function progress(batch: string): Promise<number> {
  const { counts } = (await (await fetch(batch)).json()) as { counts: { done: number; failed: number; dead: number } };
  if (counts.failed + counts.dead > 0) throw new Error('Items of the batch failed');
  return counts.done;
}

async function rate(batch: string): Promise<number> {
  let [from, since] = [0, 0];
  for (;;) {
    const done = await progress(batch);
    if (since === 0 && done >= ITEMS * MEASURED_FROM) [from, since] = [done, performance.now()];
    if (done === ITEMS) return (done - from) / ((performance.now() - since) / 1000);
    await sleep(50);
  }
}

/** In ms, of one client that asks for one detection after another */
async function percentile95(url: string): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < REQUESTS; at++) {
    const begin = performance.now();
    const form = new FormData();
    form.append('file', new Blob([Uint8Array.from(bytes)]), 'photo.jpg');
    const response = await fetch(`${url}/api/v1/detect`, { method: 'POST', body: form });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`a detection was answered with ${response.status}`);
    times.push(performance.now() - begin);
  }
  const warm = times.slice(REQUESTS * MEASURED_FROM).sort((a, b) => a - b);
  return warm[Math.floor(warm.length * 0.95)]!;
}

async function besideBatch(url: string, alone: number): Promise<string> {
  const batch = await submit(url);
  while ((await progress(batch)) < 1) await sleep(50);
  const beside = await percentile95(url);
  if ((await progress(batch)) === ITEMS) throw new Error('The batch ended too early: run it with more items');
  await fetch(batch, { method: 'DELETE' });
  return `p95 ${beside.toFixed(0)} ms, ${(beside / alone).toFixed(2)} ×`;
}

function print(what: string, figures: string): void {
  process.stdout.write(`${what.padEnd(56)} ${figures}\n`);
}

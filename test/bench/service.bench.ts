import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { crowd, encode } from '../fixtures/portraits.ts';

/** `npm run bench`: the built service under load, with drawn crowds; throughput, latency and memory by case. */

const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    connections: { type: 'string', default: '4' },
    model: { type: 'string', default: 'embedded' },
  },
});

const service = spawn(process.execPath, ['dist/main.js'], {
  env: { ...process.env, FACE_API_PORT: '0', FACE_API_LOG_LEVEL: 'warn', FACE_API_MODEL: given.model },
  stdio: ['ignore', 'inherit', 'pipe'],
});
const url = await announcedUrl();

const photos = {
  '1080p': await encode(crowd(12, { seed: 1, width: 1920, height: 1080 }), 'jpeg'),
  '12 MP': await encode(crowd(12, { seed: 2, width: 4000, height: 3000 }), 'jpeg'),
};
const cases = Object.entries(photos).flatMap(([size, body]) =>
  ['detect', 'mask?method=blur', 'mask?method=solid'].map((path) => ({ size, body, path })),
);

const rows = [];
for (const { size, body, path } of cases) {
  const result = await autocannon({
    url: `${url}/api/v1/${path}`,
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body,
    connections: Number(given.connections),
    duration: Number(given.seconds),
  });
  rows.push({
    request: `${path}, ${size} JPEG`,
    'answers/s': Number(result.requests.average.toFixed(1)),
    'p50 ms': result.latency.p50,
    'p97.5 ms': result.latency.p97_5,
    'not 2xx': result.non2xx + result.errors,
    'RSS MB': await residentMegabytes(),
  });
}
console.table(rows);
service.kill('SIGTERM');
await once(service, 'exit');

async function announcedUrl(): Promise<string> {
  for await (const chunk of service.stderr) {
    const [address] = /http:\/\/[\w.]+:\d+/.exec(String(chunk)) ?? [];
    if (address) return address;
    process.stderr.write(String(chunk));
  }
  throw new Error('the service did not start');
}

/** From Linux's /proc; elsewhere it is not told. */
async function residentMegabytes(): Promise<number | undefined> {
  const status = await readFile(`/proc/${service.pid}/status`, 'utf8').catch(() => '');
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(status) ?? [];
  return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1024);
}

import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { median, quantile } from './figures.ts';

/** So many clients, each of which sends its next request when the last is answered. */

/** A refused client comes back after so long: a tenth of what the service asks for. */
const IMPATIENCE_MS = 100;
const REFUSED = 503;

export interface Sending {
  readonly url: string;
  readonly image: Uint8Array;
  /** As form fields beside the file. */
  readonly fields?: Readonly<Record<string, string>>;
}

export interface Load {
  readonly answers: number;
  readonly answersPerSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly refusedPerSecond: number;
  readonly refusedP99: number;
  /** Of an answer at the median: what lies outside decoding, inference, masking and encoding. */
  readonly beside: number;
}

/** Stages that are the work itself; `resize` makes pixels for the network of those that were decoded. */
const WORK = ['decode', 'resize', 'inference', 'mask', 'encode'];

const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

interface Answer {
  readonly status: number;
  readonly ms: number;
  readonly workMs: number;
}

export async function sendLoad(sending: Sending, clients: number, durationMs: number): Promise<Load> {
  const prepared = prepare(sending);
  const answers: Answer[] = [];
  const start = performance.now();
  await together(clients, async () => {
    while (performance.now() - start < durationMs) answers.push(await send(prepared));
  });
  return summarize(answers, (performance.now() - start) / 1000);
}

/** @param count of answers that are not refusals */
export async function sendInTurn(sendings: readonly Sending[], clients: number, count: number): Promise<void> {
  const prepared = sendings.map(prepare);
  let next = 0;
  await together(clients, async () => {
    while (next < count) {
      const one = prepared[next++ % prepared.length]!;
      while ((await send(one)).status === REFUSED);
    }
  });
}

async function together(clients: number, client: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: clients }, client));
}

function summarize(answers: readonly Answer[], seconds: number): Load {
  const accepted = answers.filter(({ status }) => status !== REFUSED);
  const refused = answers.filter(({ status }) => status === REFUSED);
  const times = accepted.map(({ ms }) => ms);
  return {
    answers: accepted.length,
    answersPerSecond: accepted.length / seconds,
    p50: median(times),
    p95: quantile(times, 0.95),
    p99: quantile(times, 0.99),
    refusedPerSecond: refused.length / seconds,
    refusedP99: quantile(
      refused.map(({ ms }) => ms),
      0.99,
    ),
    beside: median(accepted.map(({ ms, workMs }) => ms - workMs)),
  };
}

interface Prepared {
  readonly url: string;
  readonly body: Buffer;
  readonly headers: Record<string, string | number>;
}

function prepare({ url, image, fields = {} }: Sending): Prepared {
  const boundary = randomBytes(12).toString('hex');
  const head = (disposition: string) => `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n`;
  const texts = Object.entries(fields).map(([name, value]) => `${head(`name="${name}"`)}\r\n${value}\r\n`);
  const body = Buffer.concat([
    Buffer.from(
      `${texts.join('')}${head('name="file"; filename="photo"')}Content-Type: application/octet-stream\r\n\r\n`,
    ),
    image,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': body.length };
  return { url, body, headers };
}

/**
 * A refused client waits a moment before it comes back.
 * @throws Error on any answer but 200 and 503: what was measured would mean nothing
 */
async function send(prepared: Prepared): Promise<Answer> {
  const answer = await exchange(prepared);
  if (answer.status !== 200 && answer.status !== REFUSED) throw new Error(`${prepared.url} answered ${answer.status}`);
  if (answer.status === REFUSED) await sleep(IMPATIENCE_MS);
  return answer;
}

function exchange({ url, body, headers }: Prepared): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume().on('end', () => {
        const workMs = workOf(String(response.headers['server-timing'] ?? ''));
        resolve({ status: response.statusCode ?? 0, ms: performance.now() - start, workMs });
        // Of a refusal, the upload's rest is not wanted.
        if (!sent.writableFinished) sent.destroy();
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function workOf(serverTiming: string): number {
  return [...serverTiming.matchAll(/([\w-]+);dur=([\d.]+)/g)]
    .filter(([, stage]) => WORK.includes(stage!))
    .reduce((sum, [, , ms]) => sum + Number(ms), 0);
}

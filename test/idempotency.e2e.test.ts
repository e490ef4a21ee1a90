import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InferenceSemaphore } from '../src/inference/inference-semaphore.ts';
import { Eraser } from '../src/storage/maintenance/eraser.ts';
import { Database } from '../src/storage/records/database.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { expectProblem, send, type Sending, type Service, startService, until } from './support/service.ts';

const photo = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');
const another = Buffer.concat([photo, Buffer.from('another file')]);

let folder: string;
let service: Service;

beforeAll(async () => {
  folder = await makeDataFolder();
  service = await startService({
    FACE_API_STORAGE_ENABLED: 'true',
    FACE_API_DATA_FOLDER: folder,
    FACE_API_API_KEYS: 'camera:0123456789abcdef,phone:fedcba9876543210',
  });
});
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true });
});

function sendWithKey(key: string, operation: 'detect' | 'mask', bytes = photo, sending: Sending = {}) {
  const headers = { 'x-api-key': '0123456789abcdef', 'idempotency-key': key, ...sending.headers };
  return send(service.url, operation, bytes, { ...sending, headers });
}

async function select<Row>(sql: string, ...parameters: unknown[]): Promise<Row[]> {
  const dataSource = await service.app.get(Database).ready();
  return dataSource.query<Row[]>(sql, parameters);
}

async function countJobs(): Promise<number> {
  const [row] = await select<{ count: string }>('SELECT count(*) FROM jobs');
  return Number(row!.count);
}

/** Headers that the handler sets */
function ownHeaders({ headers }: Response): [string, string][] {
  return [...headers].filter(([name]) => name === 'content-type' || /^x-(mask|uncertain|face|smallest)/.test(name));
}

describe('a request that is repeated with its idempotency key', () => {
  it.each(['detect', 'mask'] as const)('gets the same answer and is not processed again (%s)', async (operation) => {
    const jobs = await countJobs();
    const first = await sendWithKey(`same-${operation}`, operation);
    const bytes = Buffer.from(await first.arrayBuffer());
    const second = await sendWithKey(`same-${operation}`, operation);

    expect([first.status, second.status]).toEqual([200, 200]);
    expect(Buffer.from(await second.arrayBuffer()).equals(bytes)).toBe(true);
    expect(ownHeaders(second)).toEqual(ownHeaders(first));
    expect([first, second].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([null, 'true']);
    await until(async () => (await countJobs()) === jobs + 1);
  });

  it('gets 422 if the image, the options or the type of the answer differ', async () => {
    await sendWithKey('differs', 'mask');
    for (const response of [
      await sendWithKey('differs', 'mask', another),
      await sendWithKey('differs', 'mask', photo, { options: { method: 'solid' } }),
      await sendWithKey('differs', 'mask', photo, { headers: { accept: 'application/json' } }),
    ]) {
      await expectProblem(response, 422, 'idempotency-mismatch');
    }
  });

  it('gets 409 while the first one is processed, and then its answer', async () => {
    const semaphore = service.app.get(InferenceSemaphore);
    const releases = await Promise.all(
      Array.from({ length: semaphore.limit }, () => semaphore.acquire(new AbortController().signal)),
    );
    const first = sendWithKey('running', 'detect');
    await until(() => semaphore.waiting === 1);
    const second = await sendWithKey('running', 'detect');
    for (const release of releases) release();

    expect(second.headers.get('retry-after')).toBe('1');
    await expectProblem(second, 409, 'already-running');
    const { status } = await first;
    const third = await sendWithKey('running', 'detect');
    expect([status, third.status, third.headers.get('idempotency-replayed')]).toEqual([200, 200, 'true']);
  });

  it('is processed anew after a failure', async () => {
    const broken = photo.subarray(0, 2000);
    const outcomes = [await sendWithKey('fails', 'mask', broken), await sendWithKey('fails', 'mask', broken)];
    expect(outcomes.map(({ status }) => status)).toEqual([422, 422]);
    expect((await sendWithKey('fails', 'mask')).status).toBe(200);
  });

  it('is a different one if it comes with another API key, or goes to another operation', async () => {
    await sendWithKey('mine', 'mask');
    const other = await sendWithKey('mine', 'mask', another, { headers: { 'x-api-key': 'fedcba9876543210' } });
    const detected = await sendWithKey('mine', 'detect');
    expect([other, detected].map(({ status, headers }) => [status, headers.get('idempotency-replayed')])).toEqual([
      [200, null],
      [200, null],
    ]);
  });

  it('gets no answer that was erased with its image', async () => {
    const file = Buffer.concat([photo, Buffer.from('to erase')]);
    const response = await sendWithKey('erased', 'mask', file);
    const requestId = response.headers.get('x-request-id');
    const jobId = await until(
      async () => (await select<{ id: string }>('SELECT id FROM jobs WHERE request_id = $1', requestId))[0]?.id,
    );
    await service.app.get(Eraser).erase(jobId, 'test');

    const again = await sendWithKey('erased', 'mask', file);
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, null]);
  });

  it('gets 400 for a key with spaces or without characters', async () => {
    await expectProblem(await sendWithKey('two words', 'mask'), 400, 'invalid-request');
    await expectProblem(await sendWithKey('x'.repeat(256), 'mask'), 400, 'invalid-request');
  });
});

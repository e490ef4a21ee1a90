import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemSchema } from '../src/errors/problem.ts';
import { RequestSlots } from '../src/http/request-slots.ts';
import { InferencePool } from '../src/inference/inference-pool.ts';
import { InferenceSemaphore } from '../src/inference/inference-semaphore.ts';
import { detectionSchema } from '../src/inference/schemas.ts';
import { portrait, render } from './fixtures/portraits.ts';
import { expectProblem, RawClient, send, type Service, startService, until } from './support/service.ts';

const small = await render(portrait({ faceHeight: 150, width: 400, height: 480 }));
/** 48 million pixels: their decoding alone takes longer than the deadline below, and no stage takes many seconds. */
const large = await sharp(small).resize(8000, 6000, { kernel: 'nearest' }).jpeg({ quality: 60 }).toBuffer();
/** Keeps a thread busy for a second or two. */
const medium = await sharp(small).resize(4000, 3000, { kernel: 'nearest' }).jpeg({ quality: 60 }).toBuffer();

async function expectItServes(url: string): Promise<void> {
  const faces = await until(async () => {
    const response = await send(url, 'detect', small);
    return response.status === 200 ? detectionSchema.parse(await response.json()).face_count : undefined;
  }, 30_000);
  expect(faces).toBe(1);
}

/** Tasks that the workers have or that wait for one. */
function runningTasks({ app }: Service): number {
  return app.get(InferencePool)['running'].size;
}

async function expectAllIsFree(service: Service): Promise<void> {
  const { app } = service;
  const semaphore = app.get(InferenceSemaphore);
  await until(() => app.get(RequestSlots).inUse === 0);
  await until(() => semaphore.inUse === 0 && semaphore.waiting === 0 && runningTasks(service) === 0);
}

/** How many masks the workers have finished. */
async function finishedEncodings({ url }: Service): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^face_api_stage_duration_seconds_count\{stage="encode"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

describe('the deadline of a request', () => {
  const TIMEOUT_MS = 250;
  let service: Service;

  beforeAll(async () => {
    service = await startService({
      FACE_API_REQUEST_TIMEOUT_MS: String(TIMEOUT_MS),
      FACE_API_MAX_CONCURRENT_INFERENCE: '1',
    });
  });
  afterAll(() => service.close());

  it.each(['multipart', 'raw', 'json'] as const)('gives 504 and no image (%s)', async (way) => {
    const started = performance.now();
    const response = await send(service.url, 'mask', medium, { way });
    const tookMs = performance.now() - started;

    expect((await expectProblem(response, 504, 'deadline-exceeded')).detail).toContain(`${TIMEOUT_MS} ms`);
    expect(response.headers.get('x-face-count')).toBeNull();
    console.info(`504 after ${tookMs.toFixed(0)} ms`);
    await expectAllIsFree(service);
    await expectItServes(service.url);
  });

  it('holds for requests that wait for their permit too', async () => {
    const responses = await Promise.all([1, 2, 3].map(() => send(service.url, 'mask', large)));

    for (const response of responses) await expectProblem(response, 504, 'deadline-exceeded');
    await expectAllIsFree(service);
    await expectItServes(service.url);
  });

  it('stops the work at the next stage: nothing is encoded for nobody', async () => {
    const before = await finishedEncodings(service);
    await expectProblem(await send(service.url, 'mask', large), 504, 'deadline-exceeded');
    await expectAllIsFree(service);

    expect(await finishedEncodings(service)).toBe(before);
  });

  it.each([
    ['a raw body', 'image/jpeg'],
    ['JSON', 'application/json'],
    ['a form', 'multipart/form-data; boundary=xx'],
  ])('ends an upload that does not go on, and frees its slot (%s)', async (_, type) => {
    const client = await RawClient.connect(service.port);
    client.sendHead('mask', 1_000_000, { 'content-type': type });
    client.socket.write('{"image": "');
    await until(() => service.app.get(RequestSlots).inUse === 1);

    const { head, body } = await client.answer();
    expect(head).toMatch(/^HTTP\/1\.1 408 /);
    expect(head).toMatch(/^content-type: application\/problem\+json/im);
    expect(problemSchema.parse(JSON.parse(body)).type).toBe('urn:face-api:problem:request-incomplete');
    await until(() => service.app.get(RequestSlots).inUse === 0);
    await until(() => client.isClosed);
  });
});

describe('a client that hangs up', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService({ FACE_API_MAX_CONCURRENT_INFERENCE: '1' });
  });
  afterAll(() => service.close());

  it('while its image is worked on: the work stops, permit and slot are free again', async () => {
    const before = await finishedEncodings(service);
    const hangUp = new AbortController();
    const request = send(service.url, 'mask', large, { signal: hangUp.signal });
    await until(() => runningTasks(service) === 1);
    hangUp.abort();

    await expect(request).rejects.toThrow();
    await expectAllIsFree(service);
    expect(await finishedEncodings(service)).toBe(before);
    await expectItServes(service.url);
  });

  it('while it waits for a permit: its place goes to the next, and no worker sees its image', async () => {
    const semaphore = service.app.get(InferenceSemaphore);
    const [first, second] = [new AbortController(), new AbortController()];
    const working = send(service.url, 'mask', large, { signal: first.signal });
    await until(() => runningTasks(service) === 1);
    const waiting = send(service.url, 'mask', large, { signal: second.signal });
    await until(() => semaphore.waiting === 1);
    second.abort();

    await expect(waiting).rejects.toThrow();
    await until(() => semaphore.waiting === 0);
    expect(runningTasks(service)).toBe(1);
    first.abort();
    await expect(working).rejects.toThrow();
    await expectAllIsFree(service);
    await expectItServes(service.url);
  });
});

describe('large images', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService({ FACE_API_MAX_CONCURRENT_INFERENCE: '2' });
  });
  afterAll(() => service.close());

  it('leave a permit to small ones, so that few of them are in memory at the same time', async () => {
    const waitForTasks = (count: number) => until(() => runningTasks(service) === count);
    const semaphore = service.app.get(InferenceSemaphore);
    const first = send(service.url, 'mask', large);
    await waitForTasks(1);
    const second = send(service.url, 'mask', large);
    await until(() => semaphore.waiting === 1);

    const found = detectionSchema.parse(await (await send(service.url, 'detect', small)).json());
    expect(found.face_count).toBe(1);
    expect({ running: semaphore.inUse, waiting: semaphore.waiting }).toEqual({ running: 1, waiting: 1 });
    expect((await Promise.all([first, second])).map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('a worker thread that dies', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService({ FACE_API_MAX_CONCURRENT_INFERENCE: '3' });
  });
  afterAll(() => service.close());

  it('costs its own request a 500 without an image, and the others nothing; another takes its place', async () => {
    // Real threads, busy with masks of given regions: none is inside an inference, where ending it would end all.
    const pool = service.app.get(InferencePool)['pool'];
    const { length: size } = pool.threads;
    // One permit is left to inference.
    const permits = service.app.get(InferenceSemaphore).limit - 1;
    const options = { detect: false, regions: [{ left: 0, top: 0, right: 50, bottom: 50 }], format: 'webp' };
    const requests = Array.from({ length: permits }, () => send(service.url, 'mask', medium, { options }));
    await until(() => runningTasks(service) === permits);
    // Tasks go to the threads in their order.
    await pool.threads[0]!.terminate();
    const responses = await Promise.all(requests);
    const failed = responses.filter(({ status }) => status !== 200);

    expect(responses.map(({ status }) => status).toSorted()).toEqual([...Array<number>(permits - 1).fill(200), 500]);
    await expectProblem(failed[0]!, 500, 'internal');
    for (const response of responses.filter(({ status }) => status === 200)) {
      expect((await sharp(await response.arrayBuffer()).metadata()).width).toBe(4000);
    }
    await until(() => pool.threads.length === size);
    expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
    expect(await (await fetch(`${service.url}/metrics`)).text()).toContain('face_api_worker_failures_total 1');
  });

  it('is survived as often as it happens: every thread is replaced by one that finds faces', async () => {
    const pool = service.app.get(InferencePool)['pool'];
    const dying = [...pool.threads];
    await Promise.all(dying.map((thread) => thread.terminate()));
    await until(() => pool.threads.length === dying.length && !pool.threads.some((thread) => dying.includes(thread)));
    const found = await Promise.all(
      Array.from({ length: 8 }, async () =>
        detectionSchema.parse(await (await send(service.url, 'detect', small)).json()),
      ),
    );

    expect(found.map(({ face_count }) => face_count)).toEqual(Array<number>(8).fill(1));
  });
});

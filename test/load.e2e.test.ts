import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InferencePool } from '../src/inference/inference-pool.ts';
import { InferenceSemaphore } from '../src/inference/inference-semaphore.ts';
import { detectionSchema } from '../src/inference/schemas.ts';
import { portrait, render } from './fixtures/portraits.ts';
import {
  expectProblem,
  send,
  type Service,
  type ServiceProcess,
  startService,
  startServiceProcess,
} from './support/service.ts';
import { until, WAYS } from './support/service.ts';

const small = await render(portrait({ faceHeight: 150, width: 400, height: 480 }));
/** 12 million pixels: to mask it keeps a thread busy for a while. */
const large = await sharp(small).resize(4000, 3000, { kernel: 'nearest' }).jpeg({ quality: 60 }).toBuffer();
const whole = { left: 0, top: 0, right: 4000, bottom: 3000 };
const regionsAlone = { detect: false, regions: [whole] };

/** Tasks that the pool's threads have or that wait for one. */
function tasksOf({ app }: Service): number {
  const { running, waiting } = app.get(InferencePool).load;
  return running + waiting;
}

describe('work without inference', () => {
  let service: Service;
  let semaphore: InferenceSemaphore;

  beforeAll(async () => {
    service = await startService();
    semaphore = service.app.get(InferenceSemaphore);
  });
  afterAll(() => service.close());

  it.each(WAYS)('waits for a permit as every other does (%s)', async (way) => {
    const never = new AbortController().signal;
    const releases = await Promise.all(Array.from({ length: semaphore.limit }, () => semaphore.acquire(never)));
    const answer = send(service.url, 'mask', large, { way, options: regionsAlone });
    await until(() => semaphore.waiting === 1);
    expect(tasksOf(service)).toBe(0);
    for (const release of releases) release();
    expect((await answer).status).toBe(200);
    await until(() => semaphore.inUse === 0);
  });

  it('is given up at once when its client hangs up, with its image, unless a thread has it', async () => {
    const clients = Array.from({ length: 8 }, () => new AbortController());
    const answers = clients.map(({ signal }) => send(service.url, 'mask', large, { options: regionsAlone, signal }));
    // One permit is left to inference.
    const heavy = semaphore.limit - 1;
    await until(() => semaphore.inUse === heavy && semaphore.waiting === clients.length - heavy);
    expect(tasksOf(service)).toBe(heavy);
    for (const client of clients) client.abort();
    expect((await Promise.allSettled(answers)).map(({ status }) => status)).toEqual(clients.map(() => 'rejected'));
    await until(() => semaphore.waiting === 0);
    expect(tasksOf(service)).toBeLessThanOrEqual(heavy);
    await until(() => semaphore.inUse === 0 && tasksOf(service) === 0);
  });

  it('leaves a permit to inference: a small detection does not wait for it', async () => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const answers = Array.from({ length: 8 }, () =>
      send(service.url, 'mask', large, { options: regionsAlone, signal }),
    );
    await until(() => semaphore.waiting === answers.length - (semaphore.limit - 1));
    expect((await send(service.url, 'detect', small)).status).toBe(200);
    expect(semaphore.waiting).toBeGreaterThan(0);
    leaving.abort();
    await Promise.allSettled(answers);
    await until(() => semaphore.inUse === 0);
  });

  it('never brings more to the pool than it has threads', async () => {
    const pool = service.app.get(InferencePool);
    const { threads } = pool.load;
    const task = { image: Uint8Array.from(small), longSide: 32 };
    const never = new AbortController().signal;
    const tasks = Array.from({ length: threads + 1 }, () =>
      pool.thumbnail({ ...task, image: Uint8Array.from(small) }, never),
    );
    const outcomes = await Promise.allSettled(tasks);
    expect(outcomes.map(({ status }) => status)).toEqual([...Array<string>(threads).fill('fulfilled'), 'rejected']);
    expect(outcomes.at(-1)).toMatchObject({ reason: { code: 'busy' } });
  });
});

describe('closing the service', () => {
  it('lets every thread finish its task, also when another ends first', async () => {
    const { app, close } = await startService();
    const pool = app.get(InferencePool);
    const never = new AbortController().signal;
    const sides = [32, 3000, 3000].slice(0, pool.load.threads);
    const tasks = sides.map((longSide) => pool.thumbnail({ image: Uint8Array.from(large), longSide }, never));
    await close();
    const outcomes = await Promise.allSettled(tasks);
    expect(outcomes.map(({ status }) => status)).toEqual(sides.map(() => 'fulfilled'));
  });
});

describe('input_size', () => {
  const LARGEST = 960;
  let service: Service;

  beforeAll(async () => {
    service = await startService({ FACE_API_MAX_INPUT_SIZE: String(LARGEST) });
  });
  afterAll(() => service.close());

  it.each(WAYS)('is taken up to the configured bound, and refused above it (%s)', async (way) => {
    for (const endpoint of ['detect', 'mask'] as const) {
      const taken = await send(service.url, endpoint, small, { way, options: { input_size: LARGEST } });
      expect(taken.status).toBe(200);
      await taken.arrayBuffer();
      const refused = await send(service.url, endpoint, small, { way, options: { input_size: LARGEST + 32 } });
      const { detail } = await expectProblem(refused, 400, 'invalid-option');
      expect(detail).toMatch(/^input_size: .*960/);
    }
  });

  it('may be at the bound where the mask is verified too, which looks no closer than the bound', async () => {
    const options = { input_size: LARGEST, verify: true };
    const response = await send(service.url, 'mask', small, { options });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-mask-verified')).toMatch(/^clean/);
  });
});

describe('memory', () => {
  /** What one thread would keep of its largest canvas is about as much; a leak of several exceeds it by far. */
  const MAY_GROW_BY_BYTES = 130_000_000;
  let service: ServiceProcess;

  beforeAll(async () => {
    service = await startServiceProcess({ FACE_API_REQUEST_TIMEOUT_MS: '120000' });
  });
  afterAll(() => service.stop());

  async function resident(): Promise<number> {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
  }

  /** So many that every thread gets some. */
  async function detectAt(inputSize: number): Promise<void> {
    for (let round = 0; round < 4; round++) {
      const responses = await Promise.all(
        [1, 2, 3, 4].map(() => send(service.url, 'detect', small, { options: { input_size: inputSize } })),
      );
      for (const response of responses) {
        expect(response.status).toBe(200);
        expect(detectionSchema.parse(await response.json()).face_count).toBeGreaterThan(0);
      }
    }
  }

  it('of large canvases comes back', async () => {
    await detectAt(640);
    const before = await resident();
    await detectAt(1920);
    const after = await until(async () => {
      const now = await resident();
      return now < before + MAY_GROW_BY_BYTES ? now : undefined;
    });
    console.info(`memory: ${(before / 1e6).toFixed(0)} MB before, ${(after / 1e6).toFixed(0)} MB after`);
  });
});

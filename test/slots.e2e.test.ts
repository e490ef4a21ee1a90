import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { problemSchema } from '../src/errors/problem.ts';
import { RequestSlots } from '../src/http/request-slots.ts';
import { InferenceSemaphore } from '../src/inference/inference-semaphore.ts';
import { detectionSchema } from '../src/inference/schemas.ts';
import { crowd, encode } from './fixtures/portraits.ts';
import { expectProblem, RawClient, send, type Service, startService, until, WAYS } from './support/service.ts';

const SLOTS = 10;
/** A refusal is given at once; the rest is room for a machine that is busy with fifty uploads. */
const AT_ONCE_MS = 2000;

const image = await encode(crowd(12, { width: 1600, height: 1200, seed: 5 }), 'jpeg', { quality: 90 });

let service: Service;
let slots: RequestSlots;
const clients: RawClient[] = [];

beforeAll(async () => {
  service = await startService({
    FACE_API_MAX_CONCURRENT_REQUESTS: String(SLOTS),
    // Slots are taken here by uploads that stall, and are to stay taken.
    FACE_API_MIN_UPLOAD_BYTES_PER_SECOND: '0',
  });
  slots = service.app.get(RequestSlots);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.hangUp();
  await until(() => slots.inUse === 0);
});
afterAll(() => service.close());

async function rawClient(): Promise<RawClient> {
  const client = await RawClient.connect(service.port);
  clients.push(client);
  return client;
}

/** Takes all slots, by uploads that have begun and do not go on. */
async function takeAllSlots(): Promise<RawClient[]> {
  const holders = await Promise.all(Array.from({ length: SLOTS }, rawClient));
  for (const holder of holders) holder.sendHead('detect', image.length);
  await until(() => slots.inUse === SLOTS);
  return holders;
}

async function expectItServes(): Promise<void> {
  const response = await send(service.url, 'detect', image);
  expect(detectionSchema.parse(await response.json()).face_count).toBeGreaterThan(0);
}

describe('fifty parallel uploads against ten slots', () => {
  it.each(WAYS)('get 200 or 503 with Retry-After: 1, and nothing else (%s)', async (way) => {
    const responses = await Promise.all(
      Array.from({ length: 50 }, (_, at) => send(service.url, at % 2 === 0 ? 'detect' : 'mask', image, { way })),
    );
    const served = responses.filter(({ status }) => status === 200);
    const refused = responses.filter(({ status }) => status !== 200);

    for (const response of refused) {
      expect(response.headers.get('retry-after')).toBe('1');
      expect((await expectProblem(response, 503, 'busy')).detail).toContain(String(SLOTS));
    }
    await Promise.all(served.map((response) => response.arrayBuffer()));
    expect(served.length).toBeGreaterThanOrEqual(SLOTS);
    expect(refused.length).toBeGreaterThan(0);
    await until(() => slots.inUse === 0);
    await expectItServes();
  });
});

describe('while all slots are taken', () => {
  it('an upload is refused before its body is sent', async () => {
    await takeAllSlots();
    const client = await rawClient();
    const started = performance.now();
    client.sendHead('mask', 15_000_000);
    const { head, body } = await client.answer();
    const tookMs = performance.now() - started;

    expect(head).toMatch(/^HTTP\/1\.1 503 /);
    expect(head).toMatch(/^retry-after: 1$/im);
    expect(head).toMatch(/^content-type: application\/problem\+json/im);
    expect(problemSchema.parse(JSON.parse(body)).type).toBe('urn:face-api:problem:busy');
    expect(tookMs).toBeLessThan(AT_ONCE_MS);
    console.info(`503 without a body: ${tookMs.toFixed(1)} ms`);
  });

  it('the refusal does not ask to close the connection, so that clients that still send can read it', async () => {
    await takeAllSlots();
    const client = await rawClient();
    client.sendHead('mask', 15_000_000);
    const { head } = await client.answer();

    expect(head).not.toMatch(/^connection: close/im);
  });

  it('a client that sends a large body all the same reads the 503, in each way of sending', async () => {
    await takeAllSlots();
    for (const way of WAYS) {
      await expectProblem(await send(service.url, 'mask', Buffer.alloc(12_000_000), { way }), 503, 'busy');
    }
  });

  it('a refused client that never sends its body loses its connection', async () => {
    await takeAllSlots();
    const client = await rawClient();
    client.sendHead('mask', 15_000_000);
    await client.answer();

    await until(() => client.isClosed);
  });

  it('the connection of a refused client that sent its whole body stays usable', async () => {
    const holders = await takeAllSlots();
    const client = await rawClient();
    client.sendHead('detect', image.length);
    client.socket.write(image);
    expect(await client.statusLine()).toContain('503');
    for (const holder of holders) holder.hangUp();
    await until(() => slots.inUse === 0);
    client.sendHead('detect', image.length);
    client.socket.write(image);

    await until(() => client.received.includes('HTTP/1.1 200 OK'));
  });

  it('Expect: 100-continue is answered by 503 instead of 100', async () => {
    await takeAllSlots();
    const client = await rawClient();
    client.sendHead('mask', 15_000_000, { expect: '100-continue' });

    expect(await client.statusLine()).toMatch(/^HTTP\/1\.1 503 /);
    expect(client.received).not.toContain('100 Continue');
  });

  it.each(['/health/live', '/health/ready', '/metrics', '/docs', '/openapi.json'])('%s answers', async (path) => {
    await takeAllSlots();
    const response = await fetch(service.url + path);
    await response.arrayBuffer();

    expect(response.status).toBe(200);
  });

  it('the metrics tell so', async () => {
    await takeAllSlots();
    const text = await (await fetch(`${service.url}/metrics`)).text();

    expect(text).toContain(`face_api_requests_in_flight ${SLOTS}`);
    expect(text).toContain(`face_api_request_slots ${SLOTS}`);
  });
});

describe('a slot', () => {
  it('Expect: 100-continue is answered by 100 where one is free, then by the result', async () => {
    const client = await rawClient();
    client.sendHead('detect', image.length, { expect: '100-continue' });
    expect(await client.statusLine()).toBe('HTTP/1.1 100 Continue');
    client.socket.write(image);

    await until(() => client.received.includes('HTTP/1.1 200 OK'));
    await until(() => /"face_count":\d+/.test(client.received));
  });

  it('is free again when its client hangs up in the middle of its upload', async () => {
    const holders = await takeAllSlots();
    for (const holder of holders) holder.socket.write(image.subarray(0, image.length / 2));
    for (const holder of holders) holder.hangUp();

    await until(() => slots.inUse === 0);
    await expectItServes();
  });

  it('is free again when its client hangs up in the middle of a form', async () => {
    const holders = await Promise.all(Array.from({ length: SLOTS }, rawClient));
    for (const holder of holders) {
      holder.sendHead('mask', 5_000_000, { 'content-type': 'multipart/form-data; boundary=xx' });
      holder.socket.write('--xx\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf a file');
    }
    await until(() => slots.inUse === SLOTS);
    for (const holder of holders) holder.hangUp();

    await until(() => slots.inUse === 0);
    await expectItServes();
  });

  it('is free again when its client hangs up while it waits for its result, and so is the permit', async () => {
    const semaphore = service.app.get(InferenceSemaphore);
    const holders = await takeAllSlots();
    for (const holder of holders) holder.socket.write(image);
    await until(() => semaphore.inUse > 0);
    for (const holder of holders) holder.hangUp();

    await until(() => slots.inUse === 0);
    await until(() => semaphore.inUse === 0 && semaphore.waiting === 0);
    await expectItServes();
  });

  it('is taken by nobody who is refused for another reason', async () => {
    await expectProblem(await send(service.url, 'detect', image, { options: { threshold: 9 } }), 400, 'invalid-option');
    await expectProblem(await send(service.url, 'detect', Buffer.from('no image')), 415, 'unsupported-image');
    await expectProblem(await fetch(`${service.url}/api/v1/nothing`, { method: 'POST' }), 404, 'not-found');

    await until(() => slots.inUse === 0);
  });
});

describe('a permit to infer', () => {
  it('is held by nobody whose upload has not arrived', async () => {
    const stalled = await Promise.all([rawClient(), rawClient(), rawClient()]);
    for (const client of stalled) {
      client.sendHead('mask', 5_000_000, { 'content-type': 'multipart/form-data; boundary=xx' });
      client.socket.write('--xx\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf a file');
    }
    await until(() => slots.inUse === stalled.length);

    await expectItServes();
    expect(service.app.get(InferenceSemaphore).inUse).toBe(0);
  });
});

describe('uploads that stall', () => {
  let patient: Service;
  let tricklers: RawClient[] = [];
  let ticking: NodeJS.Timeout;
  const patientSlots = () => patient.app.get(RequestSlots);

  beforeAll(async () => {
    patient = await startService({ FACE_API_MAX_CONCURRENT_REQUESTS: String(SLOTS) });
  });
  afterAll(() => patient.close());
  afterEach(async () => {
    clearInterval(ticking);
    for (const client of tricklers.splice(0)) client.hangUp();
    await until(() => patientSlots().inUse === 0);
  });

  async function trickler(): Promise<RawClient> {
    const client = await RawClient.connect(patient.port);
    client.sendHead('mask', 5_000_000);
    return client;
  }

  /** As many as there are slots; each sends a byte a second, and comes again when its connection is closed. */
  async function trickle(): Promise<void> {
    tricklers = await Promise.all(Array.from({ length: SLOTS }, trickler));
    ticking = setInterval(() => {
      for (const [at, client] of tricklers.entries()) {
        if (!client.isClosed) client.socket.write('x');
        else void trickler().then((next) => (tricklers[at] = next));
      }
    }, 1000);
    await until(() => patientSlots().inUse === SLOTS);
    await until(() => patientSlots().stalled);
  }

  it('keep nobody out who sends: 19 of 19 others are served', async () => {
    await trickle();
    const statuses: number[] = [];
    for (let at = 0; at < 19; at++) {
      const response = await send(patient.url, 'detect', image, { way: WAYS[at % WAYS.length]! });
      await response.arrayBuffer();
      statuses.push(response.status);
    }

    expect(statuses).toEqual(Array<number>(19).fill(200));
  });

  it('give way to ten at once, and to one that waits to be asked for its body', async () => {
    await trickle();
    const asking = await RawClient.connect(patient.port);
    asking.sendHead('detect', image.length, { expect: '100-continue' });
    expect(await asking.statusLine()).toBe('HTTP/1.1 100 Continue');
    asking.socket.write(image);
    await until(() => asking.received.includes('HTTP/1.1 200 OK'));
    asking.hangUp();
    await until(() => patientSlots().stalled);
    const responses = await Promise.all(Array.from({ length: 5 }, () => send(patient.url, 'detect', image)));

    expect(responses.map(({ status }) => status)).toEqual(Array<number>(5).fill(200));
    await Promise.all(responses.map((response) => response.arrayBuffer()));
  });

  it('do not give way to one that stalls as well: it gets 503', async () => {
    await trickle();
    const client = await trickler();

    expect(await client.statusLine()).toContain('503');
    client.hangUp();
  });

  it('read in a 408 that they lost their slot', async () => {
    await trickle();
    const before = [...tricklers];
    await (await send(patient.url, 'detect', image)).arrayBuffer();
    const lost = await until(() => before.find(({ received }) => received !== ''));
    const { head, body } = await lost.answer();

    expect(head).toMatch(/^HTTP\/1\.1 408 /);
    expect(problemSchema.parse(JSON.parse(body)).detail).toContain('stalled');
    await until(() => lost.isClosed);
  });

  it('end with 408 after ten seconds, though nobody waits for their slot', async () => {
    const client = await trickler();
    const going = await trickler();
    ticking = setInterval(() => {
      client.socket.write('x');
      going.socket.write(Buffer.alloc(2000));
    }, 500);
    const { head, body } = await client.answer();
    const answered = going.received;
    going.hangUp();

    expect(head).toMatch(/^HTTP\/1\.1 408 /);
    expect(problemSchema.parse(JSON.parse(body)).detail).toContain('1024 bytes per second');
    expect(answered).toBe('');
    await until(() => client.isClosed);
  });
});

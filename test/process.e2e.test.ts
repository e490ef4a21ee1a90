import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { problemSchema } from '../src/errors/problem.ts';
import { detectionSchema } from '../src/inference/schemas.ts';
import { constantDetector } from './fixtures/constant-detector.ts';
import { portrait, render } from './fixtures/portraits.ts';
import {
  type Environment,
  RawClient,
  send,
  type ServiceProcess,
  spawnService,
  startServiceProcess,
  until,
} from './support/service.ts';

const image = await render(portrait({ faceHeight: 150, width: 400, height: 480 }));
/** Keeps a thread busy for a second or more. */
const large = await sharp(image).resize(4800, 3600, { kernel: 'nearest' }).jpeg({ quality: 60 }).toBuffer();

const running: Pick<ServiceProcess, 'stop'>[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
});

async function start(environment?: Environment): Promise<ServiceProcess> {
  const service = await startServiceProcess(environment);
  running.push(service);
  return service;
}

async function inFlight({ url }: ServiceProcess): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^face_api_requests_in_flight (\d+)$/m.exec(text)?.[1]);
}

/** A service that masks so many large images at this moment. */
async function startUnderLoad(count: number, environment: Environment = {}) {
  const service = await start(environment);
  const requests = Array.from({ length: count }, () =>
    send(service.url, 'mask', large, { options: { format: 'png' } }),
  );
  await until(async () => (await inFlight(service)) === count);
  return { service, requests };
}

describe('SIGTERM', () => {
  it('lets running requests finish, refuses new connections, and exits 0', async () => {
    const { service, requests } = await startUnderLoad(4);
    const started = performance.now();
    service.child.kill('SIGTERM');
    await until(() =>
      RawClient.connect(service.port).then(
        (client) => {
          client.hangUp();
          return false;
        },
        (error: unknown) => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED',
      ),
    );
    const refusedAfterMs = performance.now() - started;
    const responses = await Promise.all(requests);
    const widths = await Promise.all(
      responses.map(async (response) => (await sharp(await response.arrayBuffer()).metadata()).width),
    );

    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(widths).toEqual([4800, 4800, 4800, 4800]);
    expect(await service.ended).toEqual([0, null]);
    console.info(
      `new connections refused after ${refusedAfterMs.toFixed(0)} ms, ended after ${(performance.now() - started).toFixed(0)} ms`,
    );
  });

  it('exits 0 at once where nothing runs, also with a client that is connected and silent', async () => {
    const service = await start({ FACE_API_SHUTDOWN_GRACE_MS: '20000' });
    await (await send(service.url, 'detect', image)).arrayBuffer();
    const silent = await RawClient.connect(service.port);
    const slow = await RawClient.connect(service.port);
    slow.socket.write('POST /api/v1/detect HTTP/1.1\r\nhost: loc');
    const started = performance.now();
    service.child.kill('SIGTERM');

    expect(await service.ended).toEqual([0, null]);
    expect(performance.now() - started).toBeLessThan(10_000);
    await until(() => silent.isClosed && slow.isClosed);
    console.info(`idle: ended after ${(performance.now() - started).toFixed(0)} ms`);
  });

  it('refuses by a problem what still comes over an open connection', async () => {
    const service = await start();
    const late = await RawClient.connect(service.port);
    late.socket.write('GET /health/ready HTTP/1.1\r\n');
    const request = send(service.url, 'mask', large, { options: { format: 'png' } });
    await until(async () => (await inFlight(service)) === 1);
    service.child.kill('SIGTERM');
    await until(() =>
      RawClient.connect(service.port).then(
        () => false,
        () => true,
      ),
    );
    late.socket.write('host: localhost\r\n\r\n');
    const { head, body } = await late.answer();

    expect(head).toMatch(/^HTTP\/1\.1 503 /);
    expect(head).toMatch(/^connection: close/im);
    expect(problemSchema.parse(JSON.parse(body)).type).toBe('urn:face-api:problem:not-ready');
    expect((await request).status).toBe(200);
    await (await request).arrayBuffer();
    expect(await service.ended).toEqual([0, null]);
  });

  it('twice ends at once, whatever the threads are doing', async () => {
    const { service, requests } = await startUnderLoad(3);
    const failing = Promise.allSettled(requests);
    service.child.kill('SIGTERM');
    await until(() =>
      RawClient.connect(service.port).then(
        () => false,
        () => true,
      ),
    );
    service.child.kill('SIGTERM');

    // Not by SIGABRT: that would be ONNX Runtime, whose thread was ended inside an inference.
    expect(await service.ended).toEqual([null, 'SIGKILL']);
    expect((await failing).some(({ status }) => status === 'rejected')).toBe(true);
  });

  it('ends all the same, with a word about it, when the grace time is over', async () => {
    const { service, requests } = await startUnderLoad(4, { FACE_API_SHUTDOWN_GRACE_MS: '50' });
    const failing = Promise.allSettled(requests);
    service.child.kill('SIGTERM');

    expect(await service.ended).toEqual([null, 'SIGKILL']);
    expect(service.output()).toMatch(/still running after 50 ms/);
    await failing;
  });
});

describe.each(['SIGINT', 'SIGHUP'] as const)('%s', (signal) => {
  it('stops the service as SIGTERM does', async () => {
    const service = await start();
    service.child.kill(signal);

    expect(await service.ended).toEqual([0, null]);
  });
});

describe('a start that cannot be', () => {
  async function failedStart(environment: Environment): Promise<string> {
    const service = spawnService(environment);
    running.push(service);
    expect(await service.ended).toEqual([1, null]);
    const output = service.output();
    expect(output).not.toMatch(/^\s+at |node_modules|\bError:/m);
    return output.trim();
  }

  it('tells all variables that are wrong, what they got and what they take', async () => {
    const output = await failedStart({
      FACE_API_MAX_CONCURRENT_INFERENCE: 'many',
      FACE_API_DEFAULT_THRESHOLD: '2',
      FACE_API_MAX_PIXEL: '5',
      FACE_API_API_KEYS: 'name:short',
    });

    expect(output.split('\n')).toHaveLength(5);
    expect(output).toContain('FACE_API_MAX_CONCURRENT_INFERENCE is "many"; it takes a whole number from 1 to 256');
    expect(output).toContain('FACE_API_DEFAULT_THRESHOLD is "2"; it takes a number from 0.01 to 1');
    expect(output).toContain('FACE_API_MAX_PIXEL is not a setting');
    expect(output).toContain('FACE_API_API_KEYS');
    expect(output).not.toContain('short');
  });

  it.each(['no-such-model', 'no/such/model.onnx'])('tells that there is no model %s', async (model) => {
    const output = await failedStart({ FACE_API_MODEL: model });

    expect(output.split('\n')).toHaveLength(1);
    expect(output).toContain('model');
    expect(output).toContain(model);
  });

  it.each([
    ['text', () => Buffer.from('this is not a model')],
    ['a model cut short', () => readFileSync('models/embedded.onnx').subarray(0, 100_000)],
    ['a network that gives no numbers', () => constantDetector(NaN)],
  ])('tells which file is no model, whether it detects or verifies: %s', async (_name, content) => {
    const folder = await mkdtemp(join(tmpdir(), 'face-api-'));
    try {
      const broken = join(folder, 'broken.onnx');
      await writeFile(broken, content());
      for (const variable of ['FACE_API_MODEL', 'FACE_API_SECOND_MODEL']) {
        const output = await failedStart({ [variable]: broken });

        expect(output.split('\n').length).toBeLessThanOrEqual(2);
        expect(output).toContain(`${broken} is not a supported detector`);
        expect(output).not.toContain('embedded.onnx');
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('tells that the port is in use, and which variable changes it', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const output = await failedStart({ FACE_API_PORT: String(port) });

      expect(output.split('\n')).toHaveLength(1);
      expect(output).toContain(String(port));
      expect(output).toContain('FACE_API_PORT');
    } finally {
      server.close();
    }
  });
});

describe('what the process writes', () => {
  const CANARY = 'canary-in-the-coal-mine';
  const SECRET = 'the-secret-of-the-key';
  const OPTION = '#c0ffee';
  let service: ServiceProcess;

  beforeAll(async () => {
    service = await startServiceProcess({
      FACE_API_LOG_LEVEL: 'trace',
      FACE_API_LOG_FORMAT: 'json',
      FACE_API_API_KEYS: `operator:${SECRET}`,
      FACE_API_MAX_CONCURRENT_REQUESTS: '1',
    });
  });
  afterAll(() => service.stop());

  it('has the address, the console and its password as readable lines, and one JSON object per line for machines', async () => {
    await fetch(`${service.url}/nothing`);
    await until(() => service.output().includes('/nothing'));
    const [announcement, consoleLine, passwordLine, ...others] = service
      .output()
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('{'));

    expect(announcement).toBe(
      `Face API is listening on http://127.0.0.1:${service.port} (model embedded, documentation at http://127.0.0.1:${service.port}/docs)`,
    );
    expect(consoleLine).toBe(`Console: http://127.0.0.1:${service.port}/admin`);
    expect(passwordLine).toMatch(
      /^Password: [\w-]{20} \(new at each start; to set your own: face-api admin hash-password\)$/,
    );
    expect(others).toEqual([]);
    for (const line of service.output().split('\n')) if (line.startsWith('{')) JSON.parse(line);
  });

  it('holds a line per request with its id, method, path, status and duration', async () => {
    const id = 'a-request-to-look-for';
    await (
      await send(service.url, 'detect', image, { headers: { 'x-api-key': SECRET, 'x-request-id': id } })
    ).arrayBuffer();
    const line = await until(() =>
      service
        .output()
        .split('\n')
        .find((candidate) => candidate.includes(id) && candidate.includes('"status":200')),
    );

    expect(JSON.parse(line)).toMatchObject({
      req: { id, method: 'POST', path: '/api/v1/detect' },
      res: { status: 200 },
      responseTime: expect.any(Number) as number,
    });
  });

  it('holds a rejected request as a warning, without a stack', async () => {
    const headers = { 'x-api-key': SECRET };
    const [first, second] = await Promise.all([1, 2].map(() => send(service.url, 'detect', image, { headers })));
    expect([first!.status, second!.status].sort()).toEqual([200, 503]);
    const line = await until(() =>
      service
        .output()
        .split('\n')
        .find((candidate) => candidate.includes('"status":503')),
    );

    expect(JSON.parse(line)).toMatchObject({ level: 'warn', msg: 'request rejected' });
    expect(line).not.toContain('stack');
  });

  it('holds neither image data nor keys nor options, at the level trace', async () => {
    const png = await sharp(image)
      .withExif({ IFD0: { ImageDescription: CANARY } })
      .png()
      .toBuffer();
    const jpeg = await sharp(image)
      .withExif({ IFD0: { ImageDescription: CANARY } })
      .jpeg()
      .toBuffer();
    const query = { color: OPTION };
    const keys = [{ 'x-api-key': SECRET }, { authorization: `Bearer ${SECRET}` }];
    for (const headers of keys) {
      for (const way of ['multipart', 'raw', 'json'] as const) {
        for (const bytes of [jpeg, png, jpeg.subarray(0, jpeg.length / 2), Buffer.from(CANARY.repeat(9))]) {
          expect(bytes.includes(CANARY)).toBe(true);
          const response = await send(service.url, 'mask', bytes, { way, headers, query, fileName: `${CANARY}.jpg` });
          await response.arrayBuffer();
        }
      }
    }
    const wrong = await send(service.url, 'mask', image, { headers: { 'x-api-key': `${SECRET}-and-more` }, query });
    const id = 'the-last-of-the-requests';
    const last = await send(service.url, 'detect', image, { headers: { 'x-api-key': SECRET, 'x-request-id': id } });

    expect(wrong.status).toBe(401);
    expect(detectionSchema.parse(await last.json()).face_count).toBe(1);
    await until(() => service.output().includes(id));
    for (const secret of [CANARY, SECRET, 'c0ffee', Buffer.from(CANARY).toString('base64').slice(0, 24)]) {
      expect(service.output()).not.toContain(secret);
    }
    expect(service.output()).not.toContain(jpeg.toString('base64').slice(0, 40));
  });
});

/** Names each package that is loaded, on stderr. */
const NAME_PACKAGES = `
  import { registerHooks } from 'node:module';
  registerHooks({
    load(url, context, next) {
      const [, name] = /.*node_modules\\/([^/]+)/.exec(url) ?? [];
      if (name) process.stderr.write('loads ' + name + '\\n');
      return next(url, context);
    },
  });`;

describe('what runs beneath', () => {
  it('has no database library while storage is off', async () => {
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(NAME_PACKAGES)}`;
    const service = await start({ NODE_OPTIONS });
    const loaded = service.output().split('\n');
    await service.stop();
    expect(loaded).toContain('loads fastify');
    for (const name of ['typeorm', 'pg', 'pg-boss', '@aws-sdk']) expect(loaded).not.toContain(`loads ${name}`);
  });

  it('leaves nothing behind: no device id and no log of a library that reports to its maker', async () => {
    const home = await mkdtemp(join(tmpdir(), 'face-api-home-'));
    try {
      const service = await start({ HOME: home, TMPDIR: home });
      expect((await send(service.url, 'detect', image)).status).toBe(200);
      await service.stop();
      expect(await readdir(home, { recursive: true })).toEqual([]);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
});

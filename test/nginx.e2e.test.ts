import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { settings } from '../src/config/settings.ts';
import { problemSchema } from '../src/errors/problem.ts';
import { jsonBodyLimit } from '../src/http/bodies.ts';
import { S3Store } from '../src/storage/objects/s3-store.ts';
import { freePort } from './fixtures/free-port.ts';
import { ADMIN_HOST, API_HOST, type Answer, makeCertificate, type Nginx, startNginx } from './fixtures/nginx.ts';
import { crowd, encode, portrait } from './fixtures/portraits.ts';
import { isInstalled } from './fixtures/programs.ts';
import { startS3Server } from './fixtures/s3-server.ts';
import { type Environment, type ServiceProcess, startServiceProcess, until } from './support/service.ts';

/** The service as it is meant to be reached from outside: nginx, two processes of the role api, one of the role admin. */

const MAX_UPLOAD_BYTES = Number(settings.limits.maxUploadBytes.default);
const image = await encode(portrait({ faceHeight: 120, width: 320, height: 400 }), 'jpeg');
/** What takes a second or so to mask. */
const large = await encode(crowd(12, { width: 2400, height: 1800, seed: 5 }), 'jpeg');
const POST = { method: 'POST', headers: { 'content-type': 'image/jpeg' } };

const BEHIND_PROXY: Environment = { FACE_API_TRUSTED_PROXIES: '127.0.0.1' };
const asApi = (environment: Environment = {}) =>
  startServiceProcess({ ...BEHIND_PROXY, FACE_API_ROLE: 'api', ...environment });
const asAdmin = (environment: Environment = {}) =>
  startServiceProcess({ ...BEHIND_PROXY, FACE_API_ROLE: 'admin', ...environment });

/** An image of exactly so many bytes: what follows the end of a JPEG is no part of the picture. */
function ofSize(bytes: number): Buffer {
  return Buffer.concat([image, Buffer.alloc(bytes - image.length)]);
}

function problemOf(answer: Answer) {
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  return problemSchema.parse(JSON.parse(answer.body.toString()));
}

const slotsInUse = async (service: ServiceProcess) => {
  const metrics = await (await fetch(`${service.url}/metrics`)).text();
  return Number(/^face_api_requests_in_flight (\d+)/m.exec(metrics)?.[1]);
};

describe.runIf(isInstalled('nginx'))('through nginx', () => {
  let api: ServiceProcess[];
  let admin: ServiceProcess;
  let nginx: Nginx;

  beforeAll(async () => {
    [admin, ...api] = await Promise.all([asAdmin(), asApi(), asApi()]);
    nginx = await startNginx({ api: api.map(({ port }) => port), admin: admin.port });
  });
  afterAll(async () => {
    await nginx.close();
    await Promise.all([...api, admin].map((service) => service.stop()));
  });

  describe('the two host names', () => {
    it('lead to the roles', async () => {
      expect((await nginx.ask('/api/v1/detect', { ...POST, body: image })).status).toBe(200);
      expect((await nginx.ask('/api/v1/admin/session')).status).toBe(404);
      expect((await nginx.ask('/api/v1/admin/session', { host: ADMIN_HOST })).status).toBe(401);
      expect((await nginx.ask('/api/v1/detect', { ...POST, body: image, host: ADMIN_HOST })).status).toBe(404);
      expect((await nginx.ask('/', { host: ADMIN_HOST })).headers.location).toMatch(/\/admin\/$/);
    });

    it('are the only ones that are answered', async () => {
      expect((await nginx.ask('/health/ready', { plain: true, host: 'other.example.com' })).status).toBe(421);
    });

    it('show no metrics', async () => {
      expect((await nginx.ask('/metrics')).status).toBe(404);
      expect((await nginx.ask('/metrics', { host: ADMIN_HOST })).status).toBe(404);
    });

    it.each([API_HOST, ADMIN_HOST])('are served over TLS alone: %s', async (host) => {
      const { status, headers } = await nginx.ask('/api/v1/mask?method=solid', {
        plain: true,
        host,
        method: 'POST',
        body: '',
      });

      expect(status).toBe(308);
      expect(headers.location).toBe(`https://${host}/api/v1/mask?method=solid`);
    });
  });

  describe('headers', () => {
    it.each([
      [API_HOST, '/health/ready'],
      [API_HOST, '/docs'],
      [ADMIN_HOST, '/admin/login'],
      [ADMIN_HOST, '/api/v1/admin/session'],
    ])('come once each: https://%s%s', async (host, path) => {
      const { headers, headerNames } = await nginx.ask(path, { host });
      const twice = headerNames.filter((name, at) => headerNames.indexOf(name) !== at && name !== 'set-cookie');

      expect(twice).toEqual([]);
      expect(headerNames).toEqual(
        expect.arrayContaining(['content-security-policy', 'x-content-type-options', 'strict-transport-security']),
      );
      expect(headers.server).toBe('nginx');
    });

    it('tell both sides of nginx one request id', async () => {
      const given = await nginx.ask('/health/ready', { headers: { 'x-request-id': 'a-request-of-mine' } });
      const made = await nginx.ask('/health/ready');

      expect(given.headers['x-request-id']).toBe('a-request-of-mine');
      expect(made.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
    });
  });

  describe('an upload', () => {
    it('of the largest size is taken, raw and in a form', async () => {
      const largest = ofSize(MAX_UPLOAD_BYTES);
      const form = new FormData();
      form.append('file', new Blob([largest]), 'a.jpg');
      const asForm = new Response(form);

      expect((await nginx.ask('/api/v1/detect', { ...POST, body: largest })).status).toBe(200);
      const answer = await nginx.ask('/api/v1/detect', {
        method: 'POST',
        headers: { 'content-type': asForm.headers.get('content-type')! },
        body: Buffer.from(await asForm.arrayBuffer()),
      });
      expect(answer.status).toBe(200);
    });

    it('of the largest size is taken as base64, by which it is a third longer', async () => {
      const body = JSON.stringify({ image: ofSize(MAX_UPLOAD_BYTES).toString('base64') });
      const answer = await nginx.ask('/api/v1/detect', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });

      expect(answer.status).toBe(200);
    });

    it('of a byte more is refused by the service', async () => {
      // Often: where the refusal comes before the body is through, nginx must not miss it.
      for (let attempt = 0; attempt < 30; attempt++) {
        const answer = await nginx.ask('/api/v1/detect', { ...POST, body: ofSize(MAX_UPLOAD_BYTES + 1) });

        expect(answer.status).toBe(413);
        expect(problemOf(answer)).toMatchObject({ type: 'urn:face-api:problem:upload-too-large' });
        expect(problemOf(answer).detail).toContain(String(MAX_UPLOAD_BYTES));
      }
    });

    it('that the service would not take in any form is refused by nginx, in the same words', async () => {
      const answer = await nginx.ask('/api/v1/detect', { ...POST, body: ofSize(jsonBodyLimit(MAX_UPLOAD_BYTES) + 1) });

      expect(answer.status).toBe(413);
      expect(problemOf(answer)).toMatchObject({
        type: 'urn:face-api:problem:upload-too-large',
        title: 'Upload too large',
        detail: `The upload is limited to ${MAX_UPLOAD_BYTES} bytes. Send a smaller file`,
      });
    });

    it('that comes slowly holds no slot of the service', async () => {
      const { request, answer } = nginx.begin('/api/v1/detect', {
        method: 'POST',
        headers: { 'content-type': 'image/jpeg', 'content-length': String(image.length) },
      });
      const step = Math.ceil(image.length / 6);
      for (let at = 0; at < image.length; at += step) {
        request.write(image.subarray(at, at + step));
        await sleep(250);
        if (at + step < image.length) expect(await Promise.all(api.map(slotsInUse))).toEqual([0, 0]);
      }
      request.end();

      expect((await answer).status).toBe(200);
    });
  });

  describe('certificates', () => {
    it('are asked for by a challenge that is served over plain HTTP', async () => {
      const folder = join(nginx.folder, 'acme/.well-known/acme-challenge');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'a-token'), 'a-token.and-its-key');
      const answer = await nginx.ask('/.well-known/acme-challenge/a-token', { plain: true });

      expect({ status: answer.status, body: answer.body.toString() }).toEqual({
        status: 200,
        body: 'a-token.and-its-key',
      });
    });

    it('are replaced while it serves: first one signed by nobody, then what certbot brings', async () => {
      const fresh = await startNginx({ api: [api[0]!.port], admin: admin.port, withCertificate: false });
      onTestFinished(fresh.close);
      expect(await fresh.shownCertificate()).toMatch(/^subject=CN ?= ?face-api$/);

      await makeCertificate(join(fresh.folder, 'certbot'), 'an authority');
      await until(async () => (await fresh.shownCertificate()).includes('an authority'));
    });
  });
});

describe.runIf(isInstalled('nginx'))('through nginx, the address of the client', () => {
  it('is the one that it connects from, whatever it says of itself', async () => {
    const [admin, api] = await Promise.all([asAdmin(), asApi({ FACE_API_REQUESTS_PER_MINUTE: '3' })]);
    const nginx = await startNginx({ api: [api.port], admin: admin.port });
    onTestFinished(async () => {
      await nginx.close();
      await Promise.all([api.stop(), admin.stop()]);
    });
    const askAs = async (from: string, said: string) =>
      (
        await nginx.ask('/api/v1/detect', {
          ...POST,
          headers: { ...POST.headers, 'x-forwarded-for': said, forwarded: `for=${said}`, 'x-real-ip': said },
          body: image,
          from,
        })
      ).status;
    const statuses = [];
    for (let at = 1; at <= 5; at++) statuses.push(await askAs('127.0.0.2', `203.0.113.${at}`));

    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect(await askAs('127.0.0.3', '127.0.0.2')).toBe(200);
  });
});

describe.runIf(isInstalled('nginx'))('through nginx, stored images', () => {
  it('are shown by their presigned addresses, which can do nothing else', async () => {
    const s3 = await startS3Server();
    const admin = await asAdmin();
    const nginx = await startNginx({ api: [1], admin: admin.port, storage: s3.settings });
    const store = new S3Store({ ...s3.settings, publicEndpoint: `https://${ADMIN_HOST}` });
    onTestFinished(async () => {
      await store.close();
      await nginx.close();
      await Promise.all([admin.stop(), s3.close()]);
    });
    await store.put('originals/a.jpg', image, 'image/jpeg');
    const { pathname, search, host } = new URL(await store.temporaryUrl('originals/a.jpg', 60));
    const shown = await nginx.ask(`${pathname}${search}`, { host });
    const changed = await nginx.ask(`${pathname}${search}`, { host, method: 'PUT', body: 'other bytes' });

    expect(host).toBe(ADMIN_HOST);
    expect(shown.status).toBe(200);
    expect(shown.body.equals(image)).toBe(true);
    expect(changed.status).toBe(403);
    expect(Buffer.from((await store.get('originals/a.jpg'))!).equals(image)).toBe(true);
  });
});

describe.runIf(isInstalled('nginx'))('through nginx, under overload', () => {
  it('a refusal reaches the client as the service says it, with Retry-After', async () => {
    const one = { FACE_API_MAX_CONCURRENT_REQUESTS: '1', FACE_API_MAX_CONCURRENT_INFERENCE: '1' };
    const services = await Promise.all([asAdmin(), asApi(one), asApi(one)]);
    const [admin, ...api] = services;
    const nginx = await startNginx({ api: api.map(({ port }) => port), admin: admin.port });
    onTestFinished(async () => {
      await nginx.close();
      await Promise.all(services.map((service) => service.stop()));
    });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => nginx.ask('/api/v1/mask', { ...POST, body: large })),
    );
    const refused = answers.filter(({ status }) => status !== 200);

    expect(refused.length).toBeGreaterThan(0);
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(2);
    for (const answer of refused) {
      expect(answer.status).toBe(503);
      expect(answer.headers['retry-after']).toBe('1');
      expect(problemOf(answer).type).toBe('urn:face-api:problem:busy');
    }
    expect((await nginx.ask('/api/v1/detect', { ...POST, body: image })).status).toBe(200);
  });

  it('an answer that comes too late is told of by the service', async () => {
    const short = { FACE_API_REQUEST_TIMEOUT_MS: '300' };
    const [admin, api] = await Promise.all([asAdmin(), asApi(short)]);
    const nginx = await startNginx({ api: [api.port], admin: admin.port, environment: short });
    onTestFinished(async () => {
      await nginx.close();
      await Promise.all([api.stop(), admin.stop()]);
    });
    const query = 'method=blur&format=avif&quality=100';
    const answer = await nginx.ask(`/api/v1/mask?${query}`, { ...POST, body: large });

    expect(answer.status).toBe(504);
    expect(problemOf(answer)).toMatchObject({
      type: 'urn:face-api:problem:deadline-exceeded',
      detail: expect.stringContaining('300 ms') as string,
    });
  });

  it('that nobody answers is told as a problem, with Retry-After', async () => {
    const admin = await asAdmin();
    const nginx = await startNginx({ api: [await freePort()], admin: admin.port });
    onTestFinished(async () => {
      await nginx.close();
      await admin.stop();
    });
    const answer = await nginx.ask('/api/v1/detect', { ...POST, body: image });

    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(problemOf(answer).type).toBe('urn:face-api:problem:not-ready');
  });
});

describe.runIf(isInstalled('nginx'))('through nginx, while one of two instances goes away and comes back', () => {
  const REQUESTS = 1000;
  const AT_ONCE = 8;

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'by %s: not one of 1,000 requests fails',
    async (signal) => {
      const admin = await asAdmin();
      const api = [await asApi(), await asApi()];
      const nginx = await startNginx({ api: api.map(({ port }) => port), admin: admin.port });
      onTestFinished(async () => {
        await nginx.close();
        await Promise.all([...api, admin].map((service) => service.stop()));
      });
      const restart = async (at: number) => {
        const { child, ended, port } = api[at]!;
        child.kill(signal);
        expect(await ended).toEqual(signal === 'SIGTERM' ? [0, null] : [null, 'SIGKILL']);
        api[at] = await asApi({ FACE_API_PORT: String(port) });
      };
      const statuses = new Map<number | string, number>();
      let sent = 0;
      let restarts = Promise.resolve();
      const client = async () => {
        while (sent < REQUESTS) {
          const number = sent++;
          if (number % 250 === 125) restarts = restarts.then(() => restart(Math.floor(number / 250) % 2));
          const path = number % 4 === 0 ? '/api/v1/mask' : '/api/v1/detect';
          const status = await nginx.ask(path, { ...POST, body: image }).then(
            (answer) => answer.status,
            (error: unknown) => String(error),
          );
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      };
      const started = performance.now();
      await Promise.all(Array.from({ length: AT_ONCE }, client));
      await restarts;
      const seconds = (performance.now() - started) / 1000;
      console.info(
        `${signal}: ${REQUESTS} requests in ${seconds.toFixed(0)} s, four restarts: ${JSON.stringify([...statuses])}`,
      );

      expect([...statuses]).toEqual([[200, REQUESTS]]);
    },
    240_000,
  );
});

describe('limits of nginx', () => {
  const nginxEnv = async () => parseEnv(await readFile('docker/nginx/nginx.env', 'utf8'));

  it('are given as the service has them', async () => {
    expect(await nginxEnv()).toMatchObject({
      FACE_API_MAX_UPLOAD_BYTES: settings.limits.maxUploadBytes.default,
      FACE_API_REQUEST_TIMEOUT_MS: settings.limits.requestTimeoutMs.default,
    });
  });

  it.runIf(isInstalled('nginx'))('follow from them: body size, and all time-outs', async () => {
    const nginx = await startNginx({ api: [1], admin: 1 });
    onTestFinished(nginx.close);
    // A batch has limits of its own.
    const forImages = nginx.configuration.replace(/location = \/api\/v1\/jobs \{[^}]*\}/, '');
    expect(forImages.length).toBeLessThan(nginx.configuration.length);
    const valuesOf = (directive: string) => [
      ...new Set([...forImages.matchAll(new RegExp(`^\\s*${directive} (.+);$`, 'gm'))].map(([, value]) => value)),
    ];

    expect(valuesOf('client_max_body_size')).toEqual([String(jsonBodyLimit(MAX_UPLOAD_BYTES))]);
    expect(valuesOf('client_header_timeout')).toEqual(['30000ms']);
    expect(valuesOf('client_body_timeout')).toEqual(['30000ms']);
    expect(valuesOf('proxy_send_timeout')).toEqual(['30000ms']);
    expect(valuesOf('proxy_read_timeout')).toEqual(['32000ms']);
  });
});

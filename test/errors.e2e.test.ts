import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectionSchema } from '../src/inference/schemas.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { RequestSlots } from '../src/http/request-slots.ts';
import { expectProblem, RawClient, send, type Service, startService, until, WAYS } from './support/service.ts';
import { hasShared, shared } from './support/shared.ts';

const MAX_UPLOAD_BYTES = 200_000;
const MAX_PIXELS = 500_000;

const scene = portrait({ faceHeight: 150, width: 400, height: 480 });
const jpeg = await encode(scene, 'jpeg');
const png = await encode(scene, 'png');

let service: Service;

beforeAll(async () => {
  service = await startService({
    FACE_API_MAX_UPLOAD_BYTES: String(MAX_UPLOAD_BYTES),
    FACE_API_MAX_PIXELS: String(MAX_PIXELS),
  });
});
afterAll(() => service.close());

async function expectItGoesOn(url = service.url): Promise<void> {
  const response = await send(url, 'detect', jpeg);
  expect(detectionSchema.parse(await response.json()).face_count).toBe(1);
}

function post(contentType: string | undefined, body: string | Uint8Array<ArrayBuffer>, endpoint = 'detect') {
  // A typed body keeps fetch from adding a content type of its own.
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType };
  return fetch(`${service.url}/api/v1/${endpoint}`, { method: 'POST', headers, body: bytes });
}

describe.each(['detect', 'mask'] as const)('too much, for %s', (endpoint) => {
  it.each(WAYS)('bytes: 413, sent as %s', async (way) => {
    const large = Buffer.concat([jpeg, Buffer.alloc(MAX_UPLOAD_BYTES)]);
    const response = await send(service.url, endpoint, large, { way });

    expect((await expectProblem(response, 413, 'upload-too-large')).detail).toContain(String(MAX_UPLOAD_BYTES));
    await expectItGoesOn();
  });

  it.each(WAYS)('bytes by far: 413 all the same, sent as %s', async (way) => {
    const response = await send(service.url, endpoint, Buffer.alloc(MAX_UPLOAD_BYTES * 40), { way });

    await expectProblem(response, 413, 'upload-too-large');
  });

  it.each(WAYS)('bytes by one: the limit itself is taken, one more is not, sent as %s', async (way) => {
    const padded = (length: number) => Buffer.concat([jpeg, Buffer.alloc(length - jpeg.length)]);
    const taken = await send(service.url, endpoint, padded(MAX_UPLOAD_BYTES), { way });
    const refused = await send(service.url, endpoint, padded(MAX_UPLOAD_BYTES + 1), { way });
    await taken.arrayBuffer();

    expect(taken.status).toBe(200);
    await expectProblem(refused, 413, 'upload-too-large');
  });

  it.each(['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const)(
    'pixels: 413, told from the header of a %s',
    async (format) => {
      const large = await sharp({ create: { width: 1001, height: 500, channels: 3, background: '#888' } })
        .toFormat(format, format === 'tiff' ? { compression: 'deflate' } : {})
        .toBuffer();
      const { detail } = await expectProblem(await send(service.url, endpoint, large), 413, 'too-many-pixels');

      expect(detail).toContain('1001 × 500');
      expect(detail).toContain(String(MAX_PIXELS));
    },
  );
});

describe('what is not taken', () => {
  const svg = Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  const pdf = Buffer.from('%PDF-1.7\n%âãÏÓ\n1 0 obj\n<<>>\nendobj\n');

  it.each([
    ['SVG', svg, /SVG/],
    ['PDF', pdf, /PDF/],
    ['BMP', Buffer.from('BM' + '\0'.repeat(60), 'latin1'), /JPEG, PNG, WebP, AVIF, HEIC, GIF or TIFF/],
    ['text', Buffer.from('this is not an image at all, whatever the header says'), /JPEG, PNG/],
  ])('%s gets 415 that says so, however it is sent', async (_, bytes, detail) => {
    for (const way of WAYS) {
      for (const endpoint of ['detect', 'mask'] as const) {
        const response = await send(service.url, endpoint, bytes, { way, type: 'image/jpeg', fileName: 'a.jpg' });
        expect((await expectProblem(response, 415, 'unsupported-image')).detail).toMatch(detail);
      }
    }
  });

  it.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded', undefined])(
    'a body of type %s gets 415',
    async (type) => {
      const { detail } = await expectProblem(await post(type, 'hello'), 415, 'unsupported-content-type');
      expect(detail).toContain('multipart/form-data');
    },
  );
});

describe('what is damaged', () => {
  it.each(['detect', 'mask'] as const)(
    'a truncated picture gets 422 from %s, never half a result',
    async (endpoint) => {
      for (const bytes of [jpeg.subarray(0, jpeg.length / 2), png.subarray(0, png.length / 2)]) {
        const response = await send(service.url, endpoint, bytes);
        await expectProblem(response, 422, 'undecodable-image');
      }
      await expectItGoesOn();
    },
  );

  it('a picture of nothing but its signature gets 422', async () => {
    for (const signature of [
      '\xff\xd8\xff\xe0',
      '\x89PNG\r\n\x1a\n',
      'GIF89a',
      'RIFF\x20\0\0\0WEBPVP8 ',
      'II*\0\x08\0\0\0',
      `\0\0\0\x18ftypheic\0\0\0\0mif1heic${'\0'.repeat(200)}`,
      `\0\0\0\x18ftypmif1\0\0\0\0mif1heic${'\0'.repeat(200)}`,
    ]) {
      await expectProblem(
        await send(service.url, 'detect', Buffer.from(signature, 'latin1')),
        422,
        'undecodable-image',
      );
    }
  });
});

describe('requests that are not well formed', () => {
  it.each(['{', '{"image": ', 'nonsense', ''])('JSON that is none (%j) gets 400', async (body) => {
    await expectProblem(await post('application/json', body), 400, 'invalid-request');
  });

  it.each(['{}', '{"image": 5}', '{"image": null}', '[]', '"text"', 'null', '{"file": "AAAA"}'])(
    'JSON without an image (%s) gets 400',
    async (body) => {
      await expectProblem(await post('application/json', body), 400, 'invalid-request');
    },
  );

  it.each(['not base64 at all!', 'AA*A', 'QUJ=D'])('an image that is not base64 (%j) gets 400', async (image) => {
    const { detail } = await expectProblem(
      await post('application/json', JSON.stringify({ image })),
      400,
      'invalid-request',
    );
    expect(detail).toContain('base64');
  });

  it.each(['', 'A', 'data:image/png;base64,'])('an empty image in JSON (%j) gets 400', async (image) => {
    await expectProblem(await post('application/json', JSON.stringify({ image })), 400, 'invalid-request');
  });

  it('an empty raw body gets 400', async () => {
    await expectProblem(await post('image/jpeg', ''), 400, 'invalid-request');
  });

  it('a prototype in JSON gets 400', async () => {
    await expectProblem(
      await post('application/json', '{"image": "AAAA", "__proto__": {"a": 1}}'),
      400,
      'invalid-request',
    );
  });

  it('multipart without a file gets 400 that names the part', async () => {
    const form = new FormData();
    form.append('threshold', '0.5');
    const response = await fetch(`${service.url}/api/v1/detect`, { method: 'POST', body: form });

    expect((await expectProblem(response, 400, 'invalid-request')).detail).toContain('"file"');
  });

  it.each([
    ['another name', 'image'],
    ['no name', ''],
  ])('multipart with the file under %s gets 400 that names the part', async (_, name) => {
    const form = new FormData();
    form.append(name, new Blob([Uint8Array.from(jpeg)]), 'a.jpg');
    const response = await fetch(`${service.url}/api/v1/detect`, { method: 'POST', body: form });

    expect((await expectProblem(response, 400, 'invalid-request')).detail).toContain('"file"');
    await expectItGoesOn();
  });

  it('a text in the part "file" gets 415 that says what is accepted', async () => {
    const form = new FormData();
    form.append('file', 'not a file');
    const response = await fetch(`${service.url}/api/v1/detect`, { method: 'POST', body: form });

    expect((await expectProblem(response, 415, 'unsupported-image')).detail).toContain('JPEG, PNG');
  });

  it.each(['gzip', 'br', 'GZIP, identity'])(
    'a body with the Content-Encoding %s gets 415 that names it',
    async (encoding) => {
      for (const type of ['image/jpeg', 'application/json']) {
        const response = await fetch(`${service.url}/api/v1/mask`, {
          method: 'POST',
          headers: { 'content-type': type, 'content-encoding': encoding },
          body: gzipSync(jpeg),
        });

        expect(response.headers.get('accept-encoding')).toBe('identity');
        expect((await expectProblem(response, 415, 'unsupported-content-type')).detail).toContain(`"${encoding}"`);
      }
      await expectItGoesOn();
    },
  );

  it('multipart with two files gets 400', async () => {
    const form = new FormData();
    form.append('file', new Blob([Uint8Array.from(jpeg)]), 'a.jpg');
    form.append('file', new Blob([Uint8Array.from(jpeg)]), 'b.jpg');
    const response = await fetch(`${service.url}/api/v1/mask`, { method: 'POST', body: form });

    expect((await expectProblem(response, 400, 'invalid-request')).detail).toContain('one file');
    await expectItGoesOn();
  });

  it.each([
    ['without a boundary', 'multipart/form-data', 'hello'],
    [
      'that ends in the middle',
      'multipart/form-data; boundary=xx',
      '--xx\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf',
    ],
    ['that never begins', 'multipart/form-data; boundary=xx', 'hello'],
  ])('multipart %s gets 400', async (_, type, body) => {
    await expectProblem(await post(type, body), 400, 'invalid-request');
    await expectItGoesOn();
  });

  it('an address that there is none of gets 404', async () => {
    for (const [method, path] of [
      ['GET', '/nothing'],
      ['POST', '/api/v1/nothing'],
      ['GET', '/api/v1/detect'],
      ['DELETE', '/api/v1/mask'],
    ] as const) {
      await expectProblem(await fetch(service.url + path, { method }), 404, 'not-found');
    }
  });

  it('an address that cannot be decoded gets 400', async () => {
    await expectProblem(await fetch(`${service.url}/%E0%A4%A`), 400, 'invalid-request');
  });

  it('bytes that are not HTTP close the connection, and the service goes on', async () => {
    const client = await RawClient.connect(service.port);
    client.socket.write('\x16\x03\x01 this is not HTTP\r\n\r\n');

    await until(() => client.isClosed);
    expect(client.received).toMatch(/^(HTTP\/1\.1 400 |$)/);
    await expectItGoesOn();
  });
});

describe('API keys', () => {
  const SECRET = 'correct-horse-battery-staple';
  let guarded: Service;

  beforeAll(async () => {
    guarded = await startService({ FACE_API_API_KEYS: `first:${SECRET},second:another-secret-of-length` });
  });
  afterAll(() => guarded.close());

  it.each([
    ['none', {}],
    ['a wrong one', { 'x-api-key': 'wrong' }],
    ['a wrong bearer token', { authorization: 'Bearer wrong' }],
    ['its name for its secret', { 'x-api-key': 'first' }],
    ['an empty one', { 'x-api-key': '' }],
    ['another scheme', { authorization: `Basic ${SECRET}` }],
  ])('%s: 401', async (_, headers) => {
    const response = await send(guarded.url, 'detect', jpeg, { headers });

    expect(response.headers.get('www-authenticate')).toContain('Bearer');
    await expectProblem(response, 401, 'unauthorized');
  });

  it.each([
    ['X-API-Key', { 'x-api-key': SECRET }],
    ['a bearer token', { authorization: `Bearer ${SECRET}` }],
    ['the second key', { 'x-api-key': 'another-secret-of-length' }],
  ])('by %s: 200', async (_, headers) => {
    expect((await send(guarded.url, 'detect', jpeg, { headers })).status).toBe(200);
  });

  it.each([
    '/%61pi/v1/detect',
    '/api/v1/%64etect',
    '/api/%761/m%61sk',
    '/api/v1/detect/',
    '//api/v1/detect',
    '/API/v1/detect',
  ])('are asked for however the address is written: %s', async (path) => {
    const response = await fetch(guarded.url + path, {
      method: 'POST',
      body: Uint8Array.from(jpeg),
      headers: { 'content-type': 'image/jpeg' },
    });

    expect([401, 404]).toContain(response.status);
  });

  it('are asked for before the body is read', async () => {
    const client = await RawClient.connect(guarded.port);
    client.sendHead('detect', 1_000_000, { expect: '100-continue' });

    expect(await client.statusLine()).toBe('HTTP/1.1 401 Unauthorized');
    client.hangUp();
  });

  it('are not asked for by health, metrics and docs', async () => {
    for (const path of ['/health/live', '/health/ready', '/metrics', '/docs', '/openapi.json']) {
      const response = await fetch(guarded.url + path);
      await response.arrayBuffer();
      expect({ path, status: response.status }).toEqual({ path, status: 200 });
    }
  });
});

describe('the rate limit', () => {
  it('counts requests however their address is written', async () => {
    const limited = await startService({ FACE_API_REQUESTS_PER_MINUTE: '1' });
    try {
      await send(limited.url, 'detect', jpeg);
      const again = await fetch(`${limited.url}/%61pi/v1/detect`, {
        method: 'POST',
        body: Uint8Array.from(jpeg),
        headers: { 'content-type': 'image/jpeg' },
      });
      await expectProblem(again, 429, 'too-many-requests');
    } finally {
      await limited.close();
    }
  });

  it('is asked before a slot is', async () => {
    const limited = await startService({
      FACE_API_REQUESTS_PER_MINUTE: '1',
      FACE_API_MAX_CONCURRENT_REQUESTS: '1',
    });
    try {
      const client = await RawClient.connect(limited.port);
      client.sendHead('detect', 1_000_000);
      await until(() => limited.app.get(RequestSlots).inUse === 1);

      await expectProblem(await send(limited.url, 'detect', jpeg), 429, 'too-many-requests');
      client.hangUp();
    } finally {
      await limited.close();
    }
  });

  it('answers 429 with Retry-After beyond it, to images alone', async () => {
    const limited = await startService({ FACE_API_REQUESTS_PER_MINUTE: '3' });
    try {
      const responses = [];
      for (let i = 0; i < 5; i++) responses.push(await send(limited.url, 'detect', jpeg));

      expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
      expect(Number(responses[3]!.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await expectProblem(responses[3]!, 429, 'too-many-requests')).detail).toContain('3');
      expect((await fetch(`${limited.url}/health/live`)).status).toBe(200);
    } finally {
      await limited.close();
    }
  });
});

describe.skipIf(!hasShared('images/hostile'))('hostile files', () => {
  const files = hasShared('images/hostile') ? readdirSync(shared('images/hostile')) : [];
  let tolerant: Service;

  beforeAll(async () => {
    tolerant = await startService();
  });
  afterAll(() => tolerant.close());

  it.each(files)('%s gets 4xx or a valid result in under 5 s, and the service goes on', async (file) => {
    const bytes = readFileSync(shared('images/hostile', file));
    for (const endpoint of ['detect', 'mask'] as const) {
      const started = performance.now();
      const response = await send(tolerant.url, endpoint, bytes);
      const answer = Buffer.from(await response.clone().arrayBuffer());
      expect(performance.now() - started).toBeLessThan(5000);
      if (response.status !== 200) {
        const refusals: Record<number, string> = {
          413: 'too-many-pixels',
          415: 'unsupported-image',
          422: 'undecodable-image',
        };
        await expectProblem(response, response.status, refusals[response.status] ?? 'one that is foreseen');
      } else if (endpoint === 'detect') {
        detectionSchema.parse(await response.json());
      } else {
        await sharp(answer).stats();
      }
    }
    await expectItGoesOn(tolerant.url);
  });
});

describe.skipIf(!hasShared('images/codec'))('real files', () => {
  const heic = () => readFileSync(shared('images/codec', 'hopper.heif'));

  it('of HEIC are masked and come back as JPEG', async () => {
    const response = await send(service.url, 'mask', heic());

    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    expect(await sharp(await response.arrayBuffer()).metadata()).toMatchObject({ width: 128, height: 128 });
  });

  it('of HEIC get 415 that says so where the operator does not want them', async () => {
    const without = await startService({ FACE_API_HEIC: 'false' });
    try {
      const response = await send(without.url, 'mask', heic());
      expect((await expectProblem(response, 415, 'unsupported-image')).detail).toContain('FACE_API_HEIC');
    } finally {
      await without.close();
    }
  });

  it('an SVG file gets 415 that says so', async () => {
    const response = await send(service.url, 'mask', readFileSync(shared('images/codec', 'check.svg')));

    expect((await expectProblem(response, 415, 'unsupported-image')).detail).toContain('SVG');
  });
});

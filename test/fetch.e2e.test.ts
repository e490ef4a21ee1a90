import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { detectionSchema } from '../src/inference/schemas.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { expectProblem, send, type Service, startService } from './support/service.ts';

/** Images by URL: from a server in this process that the service is allowed to reach, and from where it is not. */

const photo = await encode(portrait({ width: 240, height: 320 }), 'jpeg');
const MAX_BYTES = 100_000;

let images: Server;
let url: string;
let service: Service;
const requested: string[] = [];

const answers: Record<string, RequestListener> = {
  '/photo.jpg': (_, response) => response.writeHead(200, { 'content-type': 'image/jpeg' }).end(photo),
  '/unnamed': (_, response) => response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(photo),
  '/once': redirectTo('/photo.jpg'),
  '/circle': redirectTo('/circle'),
  '/nowhere': (_, response) => response.writeHead(302).end(),
  '/page': (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  '/announced': (_, response) => {
    response.writeHead(200, { 'content-length': String(MAX_BYTES + 1) }).flushHeaders();
  },
  '/endless': (_, response) => {
    const more = () => response.write(Buffer.alloc(10_000), (error) => error ?? more());
    response.writeHead(200, { 'content-type': 'image/jpeg' });
    more();
  },
  '/silent': () => undefined,
  '/broken': (request) => void request.socket.destroy(),
  '/metadata': redirectTo('http://169.254.169.254/latest/meta-data/'),
  '/decimal': redirectTo('http://2130706434/photo.jpg'),
  '/file': redirectTo('file:///etc/passwd'),
};

function redirectTo(location: string): RequestListener {
  return (_, response) => response.writeHead(302, { location }).end();
}

beforeAll(async () => {
  images = createServer((request, response) => {
    requested.push(request.url!);
    const answer = answers[request.url!] ?? ((_, missing) => missing.writeHead(404).end());
    answer(request, response);
  });
  await once(images.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(images.address() as AddressInfo).port}`;
  service = await startService({
    FACE_API_FETCH_ALLOW: 'images.example, 127.0.0.1',
    FACE_API_FETCH_TIMEOUT_MS: '1000',
    FACE_API_MAX_UPLOAD_BYTES: String(MAX_BYTES),
  });
});
afterAll(async () => {
  await service.close();
  images.closeAllConnections();
  images.close();
});
beforeEach(() => {
  requested.length = 0;
});

const post = (endpoint: string, body: object, to = service.url) =>
  fetch(`${to}/api/v1/${endpoint}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('an image by URL', () => {
  it.each(['/photo.jpg', '/unnamed', '/once'])('is searched like an uploaded one: %s', async (path) => {
    const fetched = detectionSchema.parse(await (await post('detect', { url: url + path, threshold: 0.6 })).json());
    const uploaded = detectionSchema.parse(
      await (await send(service.url, 'detect', photo, { options: { threshold: 0.6 } })).json(),
    );
    expect(fetched.faces).toHaveLength(1);
    expect(fetched.faces).toEqual(uploaded.faces);
  });

  it('is masked like an uploaded one', async () => {
    const fetched = await post('mask', { url: `${url}/photo.jpg`, method: 'solid' });
    const uploaded = await send(service.url, 'mask', photo, { options: { method: 'solid' } });
    expect(fetched.headers.get('content-type')).toBe('image/jpeg');
    expect(Buffer.from(await fetched.arrayBuffer())).toEqual(Buffer.from(await uploaded.arrayBuffer()));
  });

  it.each([
    ['/missing.jpg', 422, 'fetch-failed', 'status 404'],
    ['/circle', 422, 'fetch-failed', 'more than 3 redirects'],
    ['/nowhere', 422, 'fetch-failed', 'redirects to nowhere'],
    ['/silent', 422, 'fetch-failed', 'longer than 1000 ms'],
    ['/broken', 422, 'fetch-failed', 'the connection failed'],
    ['/page', 415, 'unsupported-image', 'no image'],
    ['/announced', 413, 'upload-too-large', `${MAX_BYTES} bytes`],
    ['/endless', 413, 'upload-too-large', `${MAX_BYTES} bytes`],
    ['/metadata', 403, 'url-not-allowed', 'must not connect'],
    ['/decimal', 403, 'url-not-allowed', 'must not connect'],
    ['/file', 400, 'invalid-request', 'http or https'],
  ])('is rejected with what to do: %s', async (path, status, type, detail) => {
    const problem = await expectProblem(await post('detect', { url: url + path }), status, type);
    expect(problem.detail).toContain(detail);
    expect(requested.length).toBeLessThanOrEqual(4);
  });

  it.each(['http://127.0.0.2:80/', 'http://[::1]:80/', 'http://10.0.0.1/', 'http://example.com/'])(
    'is not fetched where it is not allowed: %s',
    async (elsewhere) => {
      const problem = await expectProblem(await post('mask', { url: elsewhere }), 403, 'url-not-allowed');
      expect(problem.detail).toContain('must not connect');
    },
  );

  it('comes alone', async () => {
    const both = await post('detect', { url: `${url}/photo.jpg`, image: photo.toString('base64') });
    expect((await expectProblem(both, 400, 'invalid-request')).detail).toContain('either "image" or "url"');
    await expectProblem(await post('detect', { url: 7 }), 400, 'invalid-request');
    await expectProblem(await post('detect', { url: `${url}/photo.jpg`, unknown: 1 }), 400, 'invalid-option');
  });
});

describe('fetching', () => {
  it('is off unless configured', async () => {
    const closed = await startService();
    try {
      const problem = await expectProblem(
        await post('detect', { url: `${url}/photo.jpg` }, closed.url),
        403,
        'url-not-allowed',
      );
      expect(problem.detail).toContain('FACE_API_FETCH_ALLOW');
      expect(requested).toEqual([]);
    } finally {
      await closed.close();
    }
  });

  it.each(['0.0.0.0/0', 'https://example.com', '*,::/0'])(
    'ends the start with a mistake in what is allowed: %s',
    async (allow) => {
      await expect(startService({ FACE_API_FETCH_ALLOW: allow })).rejects.toThrow('FACE_API_FETCH_ALLOW: ');
    },
  );
});

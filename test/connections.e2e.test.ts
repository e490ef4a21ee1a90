import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemSchema } from '../src/errors/problem.ts';
import { bearer, operatorSettings } from './support/operator.ts';
import { expectProblem, RawClient, type Service, startService, until } from './support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService(await operatorSettings());
});
afterAll(() => service.close());

async function answerTo(text: string): Promise<{ head: string; problem: ReturnType<typeof problemSchema.parse> }> {
  const client = await RawClient.connect(service.port);
  client.socket.write(text, 'latin1');
  const { head, body } = await client.answer();
  client.hangUp();
  return { head, problem: problemSchema.strict().parse(JSON.parse(body)) };
}

describe('what is not HTTP as it should be is answered with a problem', () => {
  it.each([
    ['no request line', 'nonsense\r\n\r\n', 400, 'invalid-request'],
    ['a header without a colon', 'GET /health/live HTTP/1.1\r\nhost: a\r\nnonsense\r\n\r\n', 400, 'invalid-request'],
    [
      'two lengths',
      'POST /api/v1/detect HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n',
      400,
      'invalid-request',
    ],
    [
      'a length and chunks',
      'POST /api/v1/detect HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n',
      400,
      'invalid-request',
    ],
    [
      'a chunk of no length',
      'POST /api/v1/detect HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n',
      400,
      'invalid-request',
    ],
    ['a long head', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'header-too-large'],
    ['a long address', `GET /${'y'.repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 431, 'header-too-large'],
    ['no Host', 'GET /health/live HTTP/1.1\r\n\r\n', 400, 'invalid-request'],
    ['two Hosts', 'GET /health/live HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n', 400, 'invalid-request'],
    ['a Host twice', 'POST /api/v1/admin/session HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n', 400, 'invalid-request'],
  ])('%s', async (_, text, status, type) => {
    const { head, problem } = await answerTo(text);

    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`));
    expect(head).toMatch(/^content-type: application\/problem\+json/im);
    expect(problem).toMatchObject({ status, type: `urn:face-api:problem:${type}` });
    expect(head.toLowerCase()).toContain(`x-request-id: ${problem.request_id}`);
  });

  it('and ends the connection', async () => {
    const client = await RawClient.connect(service.port);
    client.socket.write('nonsense\r\n\r\n');

    await until(() => client.isClosed);
    expect(client.received.match(/HTTP\/1\.1 400/g)).toHaveLength(1);
  });

  it('but HTTP/1.0 needs no Host, and an expectation that nobody knows is passed over', async () => {
    const old = await RawClient.connect(service.port);
    old.socket.write('GET /health/live HTTP/1.0\r\n\r\n');
    const expecting = await RawClient.connect(service.port);
    expecting.socket.write('GET /health/live HTTP/1.1\r\nhost: a\r\nexpect: the-spanish-inquisition\r\n\r\n');

    expect(await old.statusLine()).toContain('200');
    expect(await expecting.statusLine()).toContain('200');
    expecting.hangUp();
  });
});

describe('a connection whose request was answered before it was read', () => {
  const LENGTH = 2_000_000;
  /** Node keeps an unused connection for 72 s; a second is meant. */
  const SOON_MS = 5000;

  it.each(['whole', 'half'])('ends soon where its client asked for that: %s of the body sent', async (share) => {
    const client = await RawClient.connect(service.port);
    client.sendHead('detect', LENGTH, { connection: 'close', 'content-type': 'text/plain' });
    const { head } = await client.answer();
    expect(head).toMatch(/^HTTP\/1\.1 415 /);
    client.socket.write(Buffer.alloc(share === 'whole' ? LENGTH : LENGTH / 2));

    await until(() => client.isClosed, SOON_MS);
  });

  it('stays usable where its client asked for nothing, once all was sent', async () => {
    const client = await RawClient.connect(service.port);
    client.sendHead('detect', LENGTH, { 'content-type': 'text/plain' });
    expect(await client.statusLine()).toContain('415');
    client.socket.write(Buffer.alloc(LENGTH));
    await new Promise((resolve) => setTimeout(resolve, 2000));
    client.socket.write('GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n');

    await until(() => client.received.includes('HTTP/1.1 200'));
    client.hangUp();
  });
});

describe('a body of a route that takes no image', () => {
  const LOGIN = '/api/v1/admin/session';
  const MOST = 16_384;
  const post = (path: string, type: string, body: string) =>
    fetch(service.url + path, { method: 'POST', headers: { ...bearer, 'content-type': type }, body });

  it('has a few KB at most, known from its length before a byte of it is read', async () => {
    const client = await RawClient.connect(service.port);
    client.socket.write(
      `POST ${LOGIN} HTTP/1.1\r\nhost: a\r\norigin: http://a\r\ncontent-type: application/json\r\ncontent-length: 28000000\r\n\r\n`,
    );
    const { head, body } = await client.answer();

    expect(head).toMatch(/^HTTP\/1\.1 413 /);
    expect(problemSchema.parse(JSON.parse(body)).detail).toContain(String(MOST));
    client.hangUp();
  });

  it('has a few KB at most, where no length is told', async () => {
    const client = await RawClient.connect(service.port);
    client.socket.write(
      `POST ${LOGIN} HTTP/1.1\r\nhost: a\r\norigin: http://a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    client.socket.write(`${(MOST + 1).toString(16)}\r\n${' '.repeat(MOST + 1)}\r\n`);

    expect(await client.statusLine()).toMatch(/413/);
    client.hangUp();
  });

  it.each([LOGIN, '/api/v1/admin/reconciliation'])('is no image and no form: %s', async (path) => {
    for (const type of ['image/jpeg', 'application/octet-stream', 'multipart/form-data; boundary=x', 'text/plain']) {
      const response = await fetch(service.url + path, {
        method: 'POST',
        headers: { ...bearer, origin: service.url, 'content-type': type },
        body: '--x--',
      });
      const { detail } = await expectProblem(response, 415, 'unsupported-content-type');
      expect(detail).toContain('application/json');
      expect(detail).not.toContain('image');
    }
  });

  it('names what stands twice in it, and what it does not take', async () => {
    const path = '/api/v1/admin/reconciliation';
    const twice = await post(path, 'application/json', '{"dry_run":true,"dry_run":false}');
    const prototype = await post(path, 'application/json', '{"dry_run":true,"__proto__":{"a":1}}');

    expect((await expectProblem(twice, 400, 'invalid-option')).detail).toContain('dry_run is given twice');
    expect((await expectProblem(prototype, 400, 'invalid-request')).detail).toContain('__proto__');
  });

  it('is told of by ten mistakes at most', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 90 }, (_, at) => [`${'n'.repeat(100)}${at}`, 1]));
    const response = await post('/api/v1/admin/reconciliation', 'application/json', JSON.stringify(unknown));

    expect((await expectProblem(response, 400, 'invalid-request')).detail.length).toBeLessThan(1000);
  });
});

import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { unzipSync, zipSync } from 'fflate';
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';
import sharp from 'sharp';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ClientOptions, FaceApi, FaceApiError, UnreachableError } from '../clients/typescript/src/index.ts';
import { VERSION } from '../src/version.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { freePort } from './fixtures/free-port.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { type Service, startService } from './support/service.ts';

/** The client of clients/typescript: its source, and the package as it is installed */

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('../clients/typescript/', import.meta.url));
const API_KEY = 'a-secret-of-the-client-0123';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const photo = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');

describe('the package', () => {
  it('is typed by the committed openapi.json (else: npm run client -w clients/typescript)', async () => {
    const types = await openapiTS(new URL('../openapi.json', import.meta.url));
    expect(await readFile(join(PACKAGE, 'src/schema.ts'), 'utf8')).toBe(COMMENT_HEADER + astToString(types));
  });

  it('has the version and the license of the product, and no dependency', async () => {
    const described = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8')) as Record<string, unknown>;
    expect(described).toMatchObject({ version: VERSION, license: 'MIT' });
    expect(described).not.toHaveProperty('dependencies');
    expect(await readFile(join(PACKAGE, 'LICENSE'), 'utf8')).toBe(await readFile('LICENSE', 'utf8'));
  });
});

describe('a request', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
  });

  /** A service that gives these answers, the last one for ever. */
  async function answering(...answers: ((response: ServerResponse) => void)[]) {
    const times: number[] = [];
    const server = await listen((request, response) => {
      times.push(performance.now());
      const answer = answers[Math.min(times.length, answers.length) - 1]!;
      request.resume().on('end', () => {
        answer(response);
      });
    });
    closing.push(server.close);
    return { times, url: server.url };
  }

  const detected = (response: ServerResponse) => {
    response.setHeader('content-type', 'application/json; charset=utf-8').end('{"face_count":1}');
  };
  const rejected =
    (status: number, name: string, retryAfter = '0') =>
    (response: ServerResponse) => {
      const type = `urn:face-api:problem:${name}`;
      response
        .writeHead(status, { 'content-type': 'application/problem+json', 'retry-after': retryAfter })
        .end(JSON.stringify({ type, title: 'Rejected', status, detail: 'Try something else', request_id: '1' }));
    };
  const busy = rejected(503, 'busy');
  const cut = (response: ServerResponse) => {
    response.destroy();
  };
  const cutInside = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' }).write('{"face_');
    response.socket!.end();
  };
  const detect = (url: string, options: Partial<ClientOptions> = {}) => new FaceApi({ url, ...options }).detect(photo);

  it.each([
    ['503', busy],
    ['429', rejected(429, 'too-many-requests')],
    ['409, if an earlier attempt is still running,', rejected(409, 'already-running')],
    ['a closed connection', cut],
    ['a connection that is closed within the response', cutInside],
  ])('is repeated after %s', async (_what, failing) => {
    const { url, times } = await answering(failing, failing, detected);
    expect(await detect(url)).toEqual({ face_count: 1 });
    expect(times).toHaveLength(3);
  });

  it('is repeated no earlier than Retry-After says', async () => {
    const { url, times } = await answering(rejected(503, 'busy', '1'), detected);
    await detect(url);
    expect(times[1]! - times[0]!).toBeGreaterThan(990);
  });

  it('is not repeated if Retry-After is longer than the limit', async () => {
    const { url, times } = await answering(rejected(429, 'too-many-requests', '3600'));
    await expect(detect(url)).rejects.toMatchObject({ code: 'too_many_requests', retryAfterMs: 3_600_000 });
    expect(times).toHaveLength(1);
  });

  it('is repeated as often as `retries` says, and then fails with the last error', async () => {
    const { url, times } = await answering(cut, busy);
    const error: unknown = await detect(url, { retries: 2 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FaceApiError);
    expect(error).toMatchObject({ status: 503, code: 'busy', message: 'Try something else' });
    expect(times).toHaveLength(3);
  });

  it('is not repeated if it cannot succeed', async () => {
    const { url, times } = await answering(rejected(400, 'invalid-option'));
    await expect(detect(url)).rejects.toMatchObject({ status: 400, code: 'invalid_option' });
    expect(times).toHaveLength(1);
  });

  it('fails with the status if the response is that of a proxy', async () => {
    const { url } = await answering((response) => response.writeHead(502).end('<html>Bad Gateway</html>'));
    await expect(detect(url)).rejects.toMatchObject({ name: 'FaceApiError', status: 502, code: null, problem: null });
  });

  it('fails if nothing listens, and names the URL', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const error: unknown = await detect(url, { retries: 1 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnreachableError);
    expect((error as Error).message).toContain(url);
  });

  it('fails if the URL is that of something else', async () => {
    const { url } = await answering((response) => response.setHeader('content-type', 'text/html').end('<html>'));
    await expect(detect(url)).rejects.toThrow('Is it the URL of a Face API service?');
  });

  it.each([
    ['while the service works', () => undefined],
    ['while it waits for the next attempt', rejected(503, 'busy', '60')],
  ])('can be aborted %s', async (_when, answer) => {
    const abort = new AbortController();
    const { url, times } = await answering((response) => {
      answer(response);
      setTimeout(() => {
        abort.abort(new Error('No longer needed'));
      }, 50);
    });
    const call = new FaceApi({ url }).detect(photo, {}, { signal: abort.signal });
    await expect(call).rejects.toThrow('No longer needed');
    expect(times).toHaveLength(1);
  });
});

describe('with a service that has storage,', () => {
  let folder: string;
  let database: TestDatabase;
  let service: Service;
  let faceApi: FaceApi;

  beforeAll(async () => {
    folder = await makeDataFolder('client');
    database = await createTestDatabase();
    service = await startService({
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: join(folder, 'data'),
      DATABASE_URL: database.url,
      FACE_API_API_KEYS: `client:${API_KEY}`,
      FACE_API_API_KEY_SCOPES: 'client=detect+mask+review',
      FACE_API_MASK_RECALL: 'fast',
    });
    faceApi = new FaceApi({ url: service.url, apiKey: API_KEY });
  });
  afterAll(async () => {
    await service.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const endOf = async (id: string) => {
    let last;
    for await (const batch of faceApi.batches.progress(id, { intervalMs: 50 })) last = batch;
    return last;
  };

  it.each([
    ['Buffer', photo],
    ['ArrayBuffer', Uint8Array.from(photo).buffer],
    ['Blob', new Blob([Uint8Array.from(photo)])],
    ['File', new File([Uint8Array.from(photo)], 'ä.jpg')],
  ])('an image can be a %s', async (_type, image) => {
    const detection = await faceApi.detect(image, { landmarks: false });
    expect(detection).toMatchObject({ face_count: 1, image: { width: 400, height: 480 } });
    expect(detection.faces[0]).not.toHaveProperty('landmarks');
  });

  it('a masked image is a blob with its facts', async () => {
    const regions = [{ left: 0, top: 0, right: 20, bottom: 20 }];
    const { blob, ...facts } = await faceApi.mask(photo, { method: 'solid', format: 'png', receipt: true, regions });
    expect(facts).toMatchObject({ format: 'png', masked_count: 2, face_count: 1, assurance: 'irreversible' });
    expect(facts.receipt).toMatch(/^ey/);
    expect(blob.type).toBe('image/png');
    const { data } = await sharp(await blob.arrayBuffer())
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([...data.subarray(0, 3)]).toEqual([0, 0, 0]);
  });

  it('an image with the same idempotency key is processed once', async () => {
    const idempotencyKey = randomUUID();
    const mask = () => faceApi.mask(photo, { method: 'solid' }, { idempotencyKey });
    expect((await mask()).id).toBe((await mask()).id);
  });

  it('a problem is an error with its code and detail', async () => {
    const wrongKey = new FaceApi({ url: `${service.url}/`, apiKey: 'wrong' }).detect(photo);
    await expect(wrongKey).rejects.toMatchObject({ name: 'FaceApiError', status: 401, code: 'unauthorized' });
    const wrongOption = faceApi.mask(photo, { padding: 3 });
    await expect(wrongOption).rejects.toMatchObject({ code: 'invalid_option', message: /padding/ });
  });

  it('a batch of files with folders in their names is masked, and its failures have reasons', async () => {
    const files = [
      { name: 'day 1/ä.jpg', data: photo },
      new File([Uint8Array.from(photo)], 'b.jpg'),
      { name: 'notes.txt', data: Buffer.from('no image') },
    ];
    const created = await faceApi.batches.create({ kind: 'mask', files, options: { method: 'solid' }, priority: 3 });
    expect(created).toMatchObject({ kind: 'mask', priority: 3, options: { method: 'solid' }, counts: { total: 3 } });
    expect(await endOf(created.id)).toMatchObject({ state: 'done', counts: { waiting: 0, done: 2, failed: 1 } });

    const items = await listOf(faceApi.batches.items(created.id));
    expect(items.map(({ name, state }) => [name, state])).toEqual([
      ['day 1/ä.jpg', 'done'],
      ['b.jpg', 'done'],
      ['notes.txt', 'failed'],
    ]);
    const failed = await listOf(faceApi.batches.items(created.id, { state: 'failed' }));
    expect(failed.map(({ error }) => error?.code)).toEqual(['unsupported_image']);

    const archive = unzipSync(new Uint8Array(await buffer(await faceApi.batches.result(created.id))));
    expect(Object.keys(archive)).toEqual(['day 1/ä.jpg', 'b.jpg', 'manifest.jsonl']);
  });

  it('all pages of items are read', async () => {
    const archive = zipSync(
      Object.fromEntries(Array.from({ length: 501 }, (_, at) => [`${at}.txt`, Buffer.from('no image')])),
    );
    const { id } = await faceApi.batches.create({ kind: 'detect', archive });
    const items = await listOf(faceApi.batches.items(id));
    expect(items.map(({ name }) => name)).toEqual(Array.from({ length: 501 }, (_, at) => `${at}.txt`));
    expect((await faceApi.batches.cancel(id)).state).not.toBe('active');
  });

  it('the same call with the same key gives the same batch', async () => {
    const archive = zipSync({ 'a.jpg': photo });
    const create = (idempotencyKey: string) => faceApi.batches.create({ kind: 'detect', archive }, { idempotencyKey });
    const key = randomUUID();
    const { id } = await create(key);
    expect((await create(key)).id).toBe(id);
    expect((await create(randomUUID())).id).not.toBe(id);
  });

  it('a batch whose response is lost is sent again and not processed twice', async () => {
    let lost = 0;
    const proxy = await startProxy(service.url, ({ method }, response, answer) => {
      if (method === 'POST' && lost++ === 0) response.destroy();
      else response.end(answer);
    });
    const before = await listOf(faceApi.batches.list());
    const client = new FaceApi({ url: proxy.url, apiKey: API_KEY });
    const { id } = await client.batches.create({ kind: 'detect', files: [{ name: 'a.jpg', data: photo }] });
    await proxy.close();

    expect(lost).toBe(2);
    const after = await listOf(faceApi.batches.list());
    expect(after.map((batch) => batch.id)).toEqual([id, ...before.map((batch) => batch.id)]);
  });

  it('a download whose connection is closed goes on with the next byte, and fails if nothing more comes', async () => {
    const { id } = await faceApi.batches.create({ kind: 'mask', files: [{ name: 'a.jpg', data: photo }] });
    await endOf(id);
    const whole = await buffer(await faceApi.batches.result(id));
    const starts: number[] = [];
    let step = 5000;
    const proxy = await startProxy(service.url, ({ headers }, response, answer) => {
      if (headers.range !== undefined) starts.push(Number(/^bytes=(\d+)-$/.exec(headers.range)![1]));
      response.flushHeaders();
      response.write(answer.subarray(0, step));
      // As a connection that is closed: what was written arrives.
      response.socket!.end();
    });
    const client = new FaceApi({ url: proxy.url, apiKey: API_KEY });
    expect(sha256(await buffer(await client.batches.result(id)))).toBe(sha256(whole));
    expect(starts.length).toBeGreaterThan(1);
    expect(starts).toEqual([...new Set(starts)].toSorted((a, b) => a - b));

    step = 0;
    await expect(buffer(await client.batches.result(id))).rejects.toThrow(UnreachableError);
    await proxy.close();
  });

  it('a result that does not exist yet is an error before the download', async () => {
    await expect(faceApi.batches.result(randomUUID())).rejects.toMatchObject({ code: 'not_found' });
  });

  describe('each example of the README', () => {
    const PROJECT = () => join(folder, 'project');

    beforeAll(async () => {
      const installed = join(PROJECT(), 'node_modules/@face-api/client');
      await mkdir(installed, { recursive: true });
      await mkdir(join(PROJECT(), 'shoot'));
      await run('npm', ['pack', '--pack-destination', folder], { cwd: PACKAGE });
      await run('tar', ['xzf', `face-api-client-${VERSION}.tgz`, '-C', installed, '--strip-components', '1'], {
        cwd: folder,
      });
      for (const name of ['photo.jpg', 'shoot/1.jpg', 'shoot/2.jpg']) await writeFile(join(PROJECT(), name), photo);
      await writeFile(join(PROJECT(), 'notes.txt'), 'no image');
      await writeFile(join(PROJECT(), 'photos.zip'), zipSync({ 'a.jpg': photo, 'b.jpg': photo }));
    });

    const EXPECTED = [
      /^0\.\d+ \d+(\.\d+)? /,
      /^1 0 irreversible clean$/m,
      /^415 unsupported_image .+ [0-9a-f-]{36}$/m,
      /^done 3 of 3\nnotes\.txt unsupported_image /m,
      /^[0-9a-f-]{36} 2$/m,
      /^version 2 added$/m,
    ];

    it('has types that are right, and prints what it should', async () => {
      const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');
      const [setup, ...examples] = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
      const programs = examples.map((example) => `${setup!.replace('http://localhost:8000', service.url)}${example}`);
      expect(programs).toHaveLength(EXPECTED.length);

      for (const [at, program] of programs.entries()) await writeFile(join(PROJECT(), `${at}.mts`), program);
      expect(mistakesOf(programs.map((_, at) => join(PROJECT(), `${at}.mts`)))).toEqual([]);

      for (const [at, program] of programs.entries()) {
        // The examples are JavaScript as well.
        await writeFile(join(PROJECT(), `${at}.mjs`), program);
        const { stdout } = await run(process.execPath, [`${at}.mjs`], { cwd: PROJECT(), env: { API_KEY } });
        expect(stdout).toMatch(EXPECTED[at]!);
      }
      expect(await sharp(join(PROJECT(), 'masked.png')).metadata()).toMatchObject({ format: 'png', width: 400 });
      expect(Object.keys(unzipSync(await readFile(join(PROJECT(), 'masked.zip'))))).toEqual([
        'shoot/1.jpg',
        'shoot/2.jpg',
        'manifest.jsonl',
      ]);
    });
  });
});

async function listOf<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const list: Row[] = [];
  for await (const row of rows) list.push(row);
  return list;
}

async function listen(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Passes each request on, and its answer to `reply`, which sends it or not. */
function startProxy(
  target: string,
  reply: (request: IncomingMessage, response: ServerResponse, answer: Buffer) => void,
) {
  return listen((request, response) => {
    void (async () => {
      const method = request.method!;
      const headers = new Headers(request.headers as Record<string, string>);
      for (const name of ['host', 'connection', 'content-length', 'transfer-encoding']) headers.delete(name);
      const body = method === 'GET' ? null : await buffer(request);
      const answer = await fetch(`${target}${request.url!}`, { method, headers, body: body && Uint8Array.from(body) });
      for (const name of ['content-type', 'content-length', 'content-range', 'etag']) {
        const value = answer.headers.get(name);
        if (value !== null) response.setHeader(name, value);
      }
      response.statusCode = answer.status;
      reply(request, response, Buffer.from(await answer.arrayBuffer()));
    })();
  });
}

/** What the TypeScript compiler says of programs that are installed next to the package. */
function mistakesOf(files: readonly string[]): string[] {
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    typeRoots: [fileURLToPath(new URL('../node_modules/@types', import.meta.url))],
    types: ['node'],
    strict: true,
    noEmit: true,
  });
  return ts.getPreEmitDiagnostics(program).map(({ messageText, file }) => {
    return `${file?.fileName ?? ''} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

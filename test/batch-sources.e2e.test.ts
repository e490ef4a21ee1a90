import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync, unzipSync } from 'fflate';
import pg from 'pg';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchBody, BatchItemBody, BatchItemPageBody } from '../src/jobs/api/schemas.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { openTestBucket, putObjects, s3Environment, type TestBucket } from './fixtures/s3-server.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { expectProblem, type Service, startService, until } from './support/service.ts';

/** Batches whose images the service reads itself. */

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const photo = await encode(portrait({ width: 240, height: 320 }), 'jpeg');
const SECRET = 'X-Signature=a-secret-of-the-url';

const postJson = (service: Service, body: object) =>
  fetch(`${service.url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

const postForm = (service: Service, fields: Readonly<Record<string, string>>) => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return fetch(`${service.url}/api/v1/jobs`, { method: 'POST', body: form });
};

async function created(response: Response): Promise<BatchBody> {
  expect({ status: response.status, text: await response.clone().text() }).toMatchObject({ status: 202 });
  return (await response.json()) as BatchBody;
}

const find = async ({ url }: Service, id: string) =>
  (await (await fetch(`${url}/api/v1/jobs/${id}`)).json()) as BatchBody;

const ended = (service: Service, id: string) =>
  until(async () => {
    const batch = await find(service, id);
    return batch.finished_at !== null && batch;
  }, 50_000);

async function itemsOf({ url }: Service, id: string): Promise<BatchItemBody[]> {
  const response = await fetch(`${url}/api/v1/jobs/${id}/items?limit=500`);
  return ((await response.json()) as BatchItemPageBody).rows;
}

describe('a batch in a tar', () => {
  let folder: string;
  let database: TestDatabase;
  let service: Service;

  beforeAll(async () => {
    folder = await makeDataFolder('batch-sources');
    database = await createTestDatabase();
    service = await startService({
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
      FACE_API_MASK_RECALL: 'fast',
      FACE_API_BATCH_MAX_BYTES: '1000000',
    });
  });
  afterAll(async () => {
    await service.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const tarOf = async (files: Readonly<Record<string, Uint8Array>>): Promise<Uint8Array<ArrayBuffer>> => {
    const archive = pack();
    for (const [name, bytes] of Object.entries(files)) archive.entry({ name }, bytes);
    archive.entry({ name: 'link.jpg', type: 'symlink', linkname: '/etc/passwd' });
    archive.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of archive) chunks.push(chunk as Buffer);
    return Uint8Array.from(Buffer.concat(chunks));
  };
  const send = (archive: Uint8Array<ArrayBuffer>) => {
    const form = new FormData();
    form.append('archive', new Blob([archive]), 'photos');
    form.append('kind', 'mask');
    return fetch(`${service.url}/api/v1/jobs`, { method: 'POST', body: form });
  };

  it.each(['tar', 'tar.gz'])('masks its images: %s', async (kind) => {
    const tar = await tarOf({ './day 1/a.jpg': photo, 'b.jpg': photo });
    const { id } = await created(await send(kind === 'tar' ? tar : Uint8Array.from(gzipSync(tar))));
    expect(await ended(service, id)).toMatchObject({ counts: { total: 3, done: 2, failed: 1 } });
    const result = await fetch(`${service.url}/api/v1/jobs/${id}/result`);
    const names = Object.keys(unzipSync(new Uint8Array(await result.arrayBuffer())));
    expect(names).toEqual(['day 1/a.jpg', 'b.jpg', 'manifest.jsonl']);
    expect((await itemsOf(service, id))[2]).toMatchObject({ name: 'link.jpg', error: { code: 'unsupported_image' } });
  });

  it.each([
    ['larger than the limit', async () => tarOf({ 'a.jpg': new Uint8Array(1_000_001) }), 413, 'upload-too-large'],
    [
      'larger than the limit when unpacked',
      async () => Uint8Array.from(gzipSync(await tarOf({ 'a.jpg': new Uint8Array(1_000_001) }))),
      413,
      'upload-too-large',
    ],
    ['cut off', async () => (await tarOf({ 'a.jpg': photo })).subarray(0, 900), 400, 'invalid-request'],
    [
      'with a name that leads outside',
      async () => tarOf({ 'a.jpg': photo, '../b.jpg': photo }),
      400,
      'invalid-request',
    ],
  ])('rejects one that is %s, and keeps nothing of it', async (_what, archive, status, type) => {
    await expectProblem(await send(await archive()), status, type);
    const list = (await (await fetch(`${service.url}/api/v1/jobs`)).json()) as { rows: { state: string }[] };
    expect(list.rows.filter(({ state }) => state !== 'done')).toEqual([]);
  });
});

describe('a batch of a folder in S3', () => {
  let folder: string;
  let database: TestDatabase;
  let client: pg.Client;
  let bucket: TestBucket;
  let service: Service;

  beforeAll(async () => {
    folder = await makeDataFolder('batch-sources');
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    bucket = await openTestBucket();
    await putObjects(bucket.settings, {
      'shoot/a.jpg': photo,
      'shoot/day 1/b ä😀.jpg': photo,
      'shoot/day 1/notes.txt': Buffer.from('no image'),
      'shoot/.DS_Store': Buffer.from('x'),
      'shoot/large.jpg': Buffer.alloc(1_000_001),
      'shoot-secret/c.jpg': photo,
    });
    const { FACE_API_S3_BUCKET: name, ...access } = s3Environment(bucket.settings);
    service = await startService({
      ...access,
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
      FACE_API_MASK_RECALL: 'fast',
      FACE_API_MAX_UPLOAD_BYTES: '1000000',
      FACE_API_BATCH_MAX_ITEMS: '20',
      FACE_API_BATCH_S3_ALLOW: `${name}/shoot,${name}/empty,no-such-bucket-of-ours`,
    });
  });
  afterAll(async () => {
    await service.close();
    await bucket.close();
    await client.end();
    await database.close();
    await rm(folder, { recursive: true });
  });

  it.each(['JSON', 'a form'])('masks the images below the prefix, in the order of their keys: %s', async (kind) => {
    const source = { s3: { bucket: bucket.settings.bucket, prefix: 'shoot' } };
    const response =
      kind === 'JSON'
        ? await postJson(service, { kind: 'mask', source })
        : await postForm(service, { kind: 'mask', source: JSON.stringify(source) });
    const { id, state } = await created(response);
    expect(['listing', 'active']).toContain(state);
    expect(await ended(service, id)).toMatchObject({
      state: 'done',
      error: null,
      counts: { total: 4, done: 2, failed: 2 },
    });
    const items = await itemsOf(service, id);
    expect(items.map(({ name, error }) => [name, error?.code])).toEqual([
      ['a.jpg', undefined],
      ['day 1/b ä😀.jpg', undefined],
      ['day 1/notes.txt', 'unsupported_image'],
      ['large.jpg', 'upload_too_large'],
    ]);
    expect(items[0]).toMatchObject({ input_sha256: sha256(photo), outcome: { face_count: 1 } });
    const result = await fetch(`${service.url}/api/v1/jobs/${id}/result`);
    const archive = unzipSync(new Uint8Array(await result.arrayBuffer()));
    expect(Object.keys(archive)).toEqual(['a.jpg', 'day 1/b ä😀.jpg', 'manifest.jsonl']);
  });

  it.each([
    ['that is not allowed', { prefix: 'shoot-secret' }, 403, 'bucket-not-allowed', /FACE_API_BATCH_S3_ALLOW/],
    ['that is no folder', { prefix: 'shoot/../shoot-secret' }, 400, 'invalid-option', /prefix/],
    ['that is empty', { prefix: 'empty' }, 400, 'invalid-request', /no files/],
    ['in a bucket that does not exist', { bucket: 'no-such-bucket-of-ours' }, 422, 'fetch-failed', /NoSuchBucket/],
    ['without a bucket', { bucket: undefined }, 400, 'invalid-option', /bucket/],
  ])('is rejected %s', async (_what, place, status, type, detail) => {
    const s3 = { bucket: bucket.settings.bucket, ...place };
    const problem = await expectProblem(await postJson(service, { kind: 'mask', source: { s3 } }), status, type);
    expect(problem.detail).toMatch(detail);
    expect((await client.query(`SELECT FROM batches WHERE state = 'receiving'`)).rowCount).toBe(0);
  });

  it('is rejected together with files or URLs', async () => {
    const s3 = { bucket: bucket.settings.bucket, prefix: 'shoot' };
    const form = new FormData();
    form.append('kind', 'mask');
    form.append('source', JSON.stringify({ s3 }));
    form.append('file', new Blob([Uint8Array.from(photo)]), 'a.jpg');
    const response = await fetch(`${service.url}/api/v1/jobs`, { method: 'POST', body: form });
    expect((await expectProblem(response, 400, 'invalid-request')).detail).toMatch(/either/);
  });
});

describe('a batch of URLs', () => {
  let images: Server;
  let origin: string;
  let folder: string;
  let database: TestDatabase;
  let client: pg.Client;
  let service: Service;
  const requested: string[] = [];
  let failures = 0;

  const answers: Record<string, RequestListener> = {
    '/photo.jpg': (_, response) => response.writeHead(200, { 'content-type': 'image/jpeg' }).end(photo),
    '/day%201/photo.jpg': (_, response) => response.writeHead(200, { 'content-type': 'image/jpeg' }).end(photo),
    '/empty.jpg': (_, response) => response.writeHead(200, { 'content-type': 'image/jpeg' }).end(),
    '/page': (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    '/large.jpg': (_, response) => {
      response.writeHead(200, { 'content-length': '1000001' }).flushHeaders();
    },
    '/inside': (_, response) => response.writeHead(302, { location: 'http://127.0.0.2/' }).end(),
    '/overloaded.jpg': (_, response) => {
      if (failures++ === 0) response.writeHead(503).end();
      else response.writeHead(200, { 'content-type': 'image/jpeg' }).end(photo);
    },
  };

  beforeAll(async () => {
    images = createServer((request, response) => {
      requested.push(request.url!);
      const answer = answers[request.url!.split('?')[0]!] ?? ((_, missing) => missing.writeHead(404).end());
      answer(request, response);
    });
    await once(images.listen(0, '127.0.0.1'), 'listening');
    origin = `http://127.0.0.1:${(images.address() as AddressInfo).port}`;
    folder = await makeDataFolder('batch-sources');
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    service = await startService({
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
      FACE_API_MASK_RECALL: 'fast',
      FACE_API_FETCH_ALLOW: '127.0.0.1',
      FACE_API_MAX_UPLOAD_BYTES: '1000000',
      FACE_API_BATCH_MAX_ITEMS: '20',
    });
  });
  afterAll(async () => {
    await service.close();
    await client.end();
    await database.close();
    images.closeAllConnections();
    images.close();
    await rm(folder, { recursive: true });
  });

  it('masks each, under the name of its path, and keeps nothing of its query', async () => {
    const urls = [`${origin}/photo.jpg?${SECRET}`, `${origin}/day%201/photo.jpg`, `${origin}/photo.jpg?size=2`];
    const { id } = await created(
      await postJson(service, { kind: 'mask', options: { method: 'solid' }, priority: 3, urls }),
    );
    expect(await ended(service, id)).toMatchObject({
      state: 'done',
      priority: 3,
      options: { method: 'solid' },
      counts: { total: 3, done: 3 },
    });

    const result = await fetch(`${service.url}/api/v1/jobs/${id}/result`);
    const archive = unzipSync(new Uint8Array(await result.arrayBuffer()));
    expect(Object.keys(archive)).toEqual(['photo.jpg', 'day 1/photo.jpg', 'photo (2).jpg', 'manifest.jsonl']);
    const [first] = Buffer.from(archive['manifest.jsonl']!).toString().split('\n');
    expect(JSON.parse(first!)).toMatchObject({
      name: 'photo.jpg',
      input_sha256: sha256(photo),
      output: { sha256: sha256(archive['photo.jpg']!) },
      face_count: 1,
    });
    const { rows } = await client.query('SELECT * FROM batch_items WHERE batch_id = $1', [id]);
    expect(rows).toHaveLength(3);
    expect(JSON.stringify(rows)).not.toMatch(/a-secret-of-the-url|http:/);
  });

  it('fails those that cannot be fetched, each with its reason', async () => {
    const outside = [
      ['/missing.jpg', 'fetch_failed'],
      ['/page', 'unsupported_image'],
      ['/empty.jpg', 'invalid_request'],
      ['/large.jpg', 'upload_too_large'],
      ['/inside', 'url_not_allowed'],
    ].map(([path, code]) => [`${origin}${path}`, code]);
    const cases = [
      ...outside,
      ['http://127.0.0.2/photo.jpg', 'url_not_allowed'],
      ['http://169.254.169.254/latest', 'url_not_allowed'],
      ['https://user:a-secret-of-the-url@images.example/a.jpg', 'invalid_request'],
      ['no URL', 'invalid_request'],
    ];
    const urls = cases.map(([url]) => url!);
    const { id } = await created(await postForm(service, { kind: 'mask', urls: urls.join('\r\n') }));
    expect(await ended(service, id)).toMatchObject({ counts: { total: urls.length, failed: urls.length } });
    const items = await itemsOf(service, id);
    expect(items.map(({ error }, at) => [urls[at], error?.code])).toEqual(cases);
    const { rows } = await client.query('SELECT * FROM batch_items WHERE batch_id = $1', [id]);
    expect(JSON.stringify(rows)).not.toMatch(/a-secret-of-the-url|input_url":"/);
  });

  it('retries what may pass', async () => {
    const { id } = await created(await postJson(service, { kind: 'detect', urls: [`${origin}/overloaded.jpg`] }));
    expect(await ended(service, id)).toMatchObject({ counts: { done: 1 } });
    expect(await itemsOf(service, id)).toMatchObject([{ attempts: 2, outcome: { face_count: 1 } }]);
  });

  it('is the same batch if it is sent again with its idempotency key', async () => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'urls-1' };
    const send = (urls: string[]) =>
      fetch(`${service.url}/api/v1/jobs`, { method: 'POST', headers, body: JSON.stringify({ kind: 'detect', urls }) });
    const first = await created(await send([`${origin}/photo.jpg`]));
    expect((await created(await send([`${origin}/photo.jpg`]))).id).toBe(first.id);
    await expectProblem(await send([`${origin}/photo.jpg?other`]), 422, 'idempotency-mismatch');
    await ended(service, first.id);
  });

  it.each([
    ['without URLs', { kind: 'mask', urls: [] }, 400, 'invalid-request', /empty/],
    ['with something else in their place', { kind: 'mask', urls: [1] }, 400, 'invalid-option', /urls\[0\]/],
    ['without a kind', { urls: ['https://images.example/a.jpg'] }, 400, 'invalid-option', /kind/],
    ['with an unknown member', { kind: 'mask', urls: ['https://a.example/'], url: 'x' }, 400, 'invalid-option', /url/],
    [
      'with too many',
      { kind: 'mask', urls: Array.from({ length: 21 }, () => 'https://a/b') },
      413,
      'upload-too-large',
      /20 images/,
    ],
    ['with too long a list', { kind: 'mask', urls: ['a'.repeat(4_200_000)] }, 413, 'upload-too-large', /4194304 bytes/],
  ])('is rejected %s', async (_what, body, status, type, detail) => {
    const problem = await expectProblem(await postJson(service, body), status, type);
    expect(problem.detail).toMatch(detail);
    expect((await client.query(`SELECT FROM batches WHERE state = 'receiving'`)).rowCount).toBe(0);
  });
});

describe('a batch of URLs where fetching is off', () => {
  it('is rejected at once', async () => {
    const folder = await makeDataFolder('batch-sources');
    const database = await createTestDatabase();
    const service = await startService({
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
    });
    for (const response of [
      await postJson(service, { kind: 'mask', urls: ['https://images.example/a.jpg'] }),
      await postForm(service, { kind: 'mask', urls: 'https://images.example/a.jpg' }),
    ]) {
      const { detail } = await expectProblem(response, 403, 'url-not-allowed');
      expect(detail).toContain('FACE_API_FETCH_ALLOW');
    }
    await service.close();
    await database.close();
    await rm(folder, { recursive: true });
  });
});

import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchBody, BatchItemPageBody, BatchPageBody } from '../src/jobs/api/schemas.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { createTestDatabase } from './fixtures/test-database.ts';
import { expectProblem, type Service, startService, until } from './support/service.ts';

const KEYS = { paper: 'a-secret-of-the-paper', school: 'a-secret-of-the-school', census: 'a-secret-of-the-census' };
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function openDatabaseForReading() {
  const database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  return {
    url: database.url,
    rows: async <Row>(sql: string) => (await client.query(sql)).rows as Row[],
    close: async () => {
      await client.end();
      await database.close();
    },
  };
}

describe('batches', () => {
  let folder: string;
  let database: Awaited<ReturnType<typeof openDatabaseForReading>>;
  let service: Service;
  let photos: Buffer[];

  beforeAll(async () => {
    folder = await makeDataFolder('batches');
    database = await openDatabaseForReading();
    photos = await Promise.all([1, 2, 3].map((seed) => encode(portrait({ seed, width: 240, height: 320 }), 'jpeg')));
    service = await startService({
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
      FACE_API_API_KEYS: Object.entries(KEYS)
        .map(([name, secret]) => `${name}:${secret}`)
        .join(),
      FACE_API_API_KEY_SCOPES: 'census=detect',
      FACE_API_MASK_RECALL: 'fast',
      FACE_API_MAX_UPLOAD_BYTES: '1000000',
      FACE_API_BATCH_MAX_ITEMS: '20',
    });
  });
  afterAll(async () => {
    await service.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const ask = (path: string, init: RequestInit = {}, key = KEYS.paper) =>
    fetch(`${service.url}${path}`, {
      ...init,
      headers: { 'x-api-key': key, ...(init.headers as Record<string, string>) },
    });

  interface Sent {
    readonly files?: readonly (readonly [name: string, bytes: Uint8Array])[];
    readonly archive?: Uint8Array;
    readonly fields?: Readonly<Record<string, string>>;
  }

  const send = ({ files = [], archive, fields = { kind: 'mask' } }: Sent, key = KEYS.paper, headers = {}) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    for (const [name, bytes] of files) form.append('file', new Blob([Uint8Array.from(bytes)]), name);
    if (archive) form.append('archive', new Blob([Uint8Array.from(archive)]), 'photos.zip');
    return ask('/api/v1/jobs', { method: 'POST', body: form, headers }, key);
  };

  const create = async (sent: Sent, key = KEYS.paper, headers = {}): Promise<BatchBody> => {
    const response = await send(sent, key, headers);
    expect({ status: response.status, text: await response.clone().text() }).toMatchObject({ status: 202 });
    return (await response.json()) as BatchBody;
  };

  const find = async (id: string) => (await (await ask(`/api/v1/jobs/${id}`)).json()) as BatchBody;
  const ended = (id: string) =>
    until(async () => {
      const batch = await find(id);
      return batch.state !== 'active' && batch;
    }, 40_000);
  const items = async (id: string, query = '') =>
    ((await (await ask(`/api/v1/jobs/${id}/items${query}`)).json()) as BatchItemPageBody).rows;
  const download = async (id: string, headers: Record<string, string> = {}) => {
    const response = await ask(`/api/v1/jobs/${id}/result`, { headers });
    return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
  };
  const manifestOf = (archive: Record<string, Uint8Array>) =>
    Buffer.from(archive['manifest.jsonl']!)
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it('masks the files of a form, and gives them back as an archive with a manifest', async () => {
    const files = photos.map((photo, at) => [`shoot/photo ${at} ä.jpg`, photo] as const);
    const created = await create({ files: [...files, ['notes.txt', Buffer.from('no image')]] });
    expect(created).toMatchObject({ kind: 'mask', counts: { total: 4 }, result_url: null });
    const batch = await ended(created.id);
    expect(batch).toMatchObject({
      state: 'done',
      counts: { total: 4, waiting: 0, done: 3, failed: 1, dead: 0, canceled: 0 },
      result_url: `/api/v1/jobs/${created.id}/result`,
    });

    const { response, bytes } = await download(created.id);
    expect(response.headers.get('content-length')).toBe(String(bytes.length));
    const archive = unzipSync(bytes);
    expect(Object.keys(archive)).toEqual([...files.map(([name]) => name), 'manifest.jsonl']);
    const manifest = manifestOf(archive);
    for (const [at, [name, original]] of files.entries()) {
      const masked = archive[name]!;
      expect(sha256(masked)).not.toBe(sha256(original));
      expect(manifest[at]).toMatchObject({
        position: at,
        name,
        state: 'done',
        input_sha256: sha256(original),
        output: { file: name, sha256: sha256(masked), bytes: masked.length },
        face_count: 1,
        masked_count: 1,
        assurance: 'irreversible',
        error: null,
      });
    }
    expect(manifest[3]).toMatchObject({
      name: 'notes.txt',
      state: 'failed',
      output: null,
      error: { code: 'unsupported_image' },
    });
  });

  it('deletes each original once its result is stored', async () => {
    const { id } = await create({ files: [['a.jpg', photos[0]!]] });
    await ended(id);
    await expect
      .poll(() => readdir(join(folder, 'objects', 'batches', id, 'inputs'), { recursive: true }))
      .toEqual(['0']);
  });

  it('takes a ZIP with folders and leaves out what systems add to it', async () => {
    const archive = zipSync({
      'day one/a.jpg': photos[0]!,
      'day two/a.jpg': photos[1]!,
      '__MACOSX/day one/._a.jpg': Buffer.from('x'),
      'day one/.DS_Store': Buffer.from('x'),
      'inner.zip': zipSync({ 'b.jpg': photos[2]! }),
      'zeros.jpg': new Uint8Array(1_000_001),
    });
    const { id } = await create({ archive });
    const batch = await ended(id);
    expect(batch.counts).toMatchObject({ total: 4, done: 2, failed: 2 });
    expect((await items(id, '?state=failed')).map(({ name, error }) => [name, error?.code])).toEqual([
      ['inner.zip', 'unsupported_image'],
      ['zeros.jpg', 'upload_too_large'],
    ]);
    expect(Object.keys(unzipSync((await download(id)).bytes))).toEqual([
      'day one/a.jpg',
      'day two/a.jpg',
      'manifest.jsonl',
    ]);
  });

  it('detects faces, with the options of the form', async () => {
    const { id } = await create({
      fields: { kind: 'detect', options: '{"landmarks": false}' },
      files: [['a.jpg', photos[0]!]],
    });
    await ended(id);
    const [item] = await items(id);
    expect(item).toMatchObject({ state: 'done', attempts: 1, output: null, outcome: { face_count: 1 } });
    expect(JSON.stringify(item)).not.toContain('landmarks');
    expect(Object.keys(unzipSync((await download(id)).bytes))).toEqual(['manifest.jsonl']);
  });

  it('resumes a download at any byte', async () => {
    const { id } = await create({ files: photos.map((photo, at) => [`${at}.jpg`, photo]) });
    await ended(id);
    const { response, bytes } = await download(id);
    const etag = response.headers.get('etag')!;
    for (const start of [1, 31, 5000, bytes.length - 200, bytes.length - 1]) {
      const rest = await download(id, { range: `bytes=${start}-`, 'if-range': etag });
      expect(rest.response.status).toBe(206);
      expect(rest.response.headers.get('content-range')).toBe(`bytes ${start}-${bytes.length - 1}/${bytes.length}`);
      expect(sha256(rest.bytes)).toBe(sha256(bytes.subarray(start)));
    }
    expect((await download(id, { range: 'bytes=10-19' })).bytes).toEqual(bytes.subarray(10, 20));
    expect((await download(id, { range: 'bytes=-7' })).bytes).toEqual(bytes.subarray(-7));
    expect((await download(id, { range: 'bytes=5-', 'if-range': '"another"' })).response.status).toBe(200);
    const beyond = await ask(`/api/v1/jobs/${id}/result`, { headers: { range: `bytes=${bytes.length}-` } });
    await expectProblem(beyond, 416, 'range-not-satisfiable');
  });

  it('shows batches to their key alone', async () => {
    const { id } = await create({ files: [['a.jpg', photos[0]!]] }, KEYS.school);
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/items'],
      ['GET', '/result'],
      ['POST', '/retry'],
      ['DELETE', ''],
    ] as const) {
      await expectProblem(await ask(`/api/v1/jobs/${id}${path}`, { method }), 404, 'not-found');
    }
    const listed = (await (await ask('/api/v1/jobs?limit=500', {}, KEYS.school)).json()) as BatchPageBody;
    expect(listed.rows.map((row) => row.id)).toEqual([id]);
    const own = (await (await ask('/api/v1/jobs?limit=500')).json()) as BatchPageBody;
    expect(own.rows.map((row) => row.id)).not.toContain(id);
  });

  it('lists batches in pages, newest first', async () => {
    const { id: older } = await create({ files: [['a.jpg', photos[0]!]] });
    const { id: newer } = await create({ files: [['a.jpg', photos[0]!]] });
    const first = (await (await ask('/api/v1/jobs?limit=1')).json()) as BatchPageBody;
    const second = (await (await ask(`/api/v1/jobs?limit=1&after=${first.next}`)).json()) as BatchPageBody;
    expect([...first.rows, ...second.rows].map((row) => row.id)).toEqual([newer, older]);
    await expectProblem(await ask('/api/v1/jobs?after=nonsense'), 400, 'invalid-request');
  });

  it('answers a repeated request with the same batch, if it has an idempotency key', async () => {
    const headers = { 'idempotency-key': 'upload-1' };
    const sent: Sent = {
      files: [
        ['a.jpg', photos[0]!],
        ['b.jpg', photos[1]!],
      ],
    };
    const [first, second] = await Promise.all([create(sent, KEYS.paper, headers), create(sent, KEYS.paper, headers)]);
    expect(second.id).toBe(first.id);
    expect(await ended(first.id)).toMatchObject({ counts: { total: 2, done: 2 } });
    const third = await send(sent, KEYS.paper, headers);
    expect(third.headers.get('idempotency-replayed')).toBe('true');
    expect(((await third.json()) as BatchBody).id).toBe(first.id);
    expect((await create(sent, KEYS.school, headers)).id).not.toBe(first.id);
    for (const other of [
      { files: [['a.jpg', photos[0]!]] },
      { ...sent, fields: { kind: 'detect' } },
    ] satisfies Sent[]) {
      await expectProblem(await send(other, KEYS.paper, headers), 422, 'idempotency-mismatch');
    }
    await expectProblem(await send(sent, KEYS.paper, { 'idempotency-key': 'a b' }), 400, 'invalid-request');
    await database.rows(`UPDATE batches SET created_at = now() - interval '25 hours' WHERE id = '${first.id}'`);
    expect((await create(sent, KEYS.paper, headers)).id).not.toBe(first.id);
  });

  describe('rejects, and keeps nothing of,', () => {
    const cases: [what: string, sent: () => Sent, status: number, type: string, detail: RegExp][] = [
      ['a form without files', () => ({}), 400, 'invalid-request', /empty/],
      ['a form without a kind', () => ({ fields: {}, files: [['a.jpg', photos[0]!]] }), 400, 'invalid-option', /kind/],
      [
        'options that are no JSON',
        () => ({ fields: { kind: 'mask', options: 'blur' }, files: [['a.jpg', photos[0]!]] }),
        400,
        'invalid-option',
        /JSON/,
      ],
      [
        'an unknown option',
        () => ({ fields: { kind: 'mask', options: '{"metod":"blur"}' }, files: [['a.jpg', photos[0]!]] }),
        400,
        'invalid-option',
        /metod/,
      ],
      [
        'more images than a batch may have',
        () => ({ files: Array.from({ length: 21 }, (_, at) => [`${at}.jpg`, photos[0]!] as const) }),
        413,
        'upload-too-large',
        /20 images/,
      ],
      ['an archive that is none', () => ({ archive: Buffer.from('no archive') }), 400, 'invalid-request', /archive/],
      [
        'an archive whose names lead outside',
        () => ({ archive: zipSync({ '../../etc/a.jpg': photos[0]! }) }),
        400,
        'invalid-request',
        /archive/,
      ],
    ];
    it.each(cases)('%s', async (_what, sent, status, type, detail) => {
      const problem = await expectProblem(await send(sent()), status, type);
      expect(problem.detail).toMatch(detail);
      const folders = await readdir(join(folder, 'objects', 'batches'), { withFileTypes: true, recursive: true });
      const stored = folders.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
      const known = await database.rows<{ id: string }>('SELECT id FROM batches');
      expect(stored.filter((path) => !known.some(({ id }) => path.includes(id)))).toEqual([]);
      expect(await database.rows(`SELECT FROM batches WHERE state = 'receiving'`)).toEqual([]);
      expect(await readdir(join(folder, 'uploads')).catch(() => [])).toEqual([]);
    });

    it('a batch of masks by a key that may only detect', async () => {
      const files = [['a.jpg', photos[0]!]] as const;
      const problem = await expectProblem(await send({ files }, KEYS.census), 403, 'forbidden');
      expect(problem.detail).toContain('mask');
      expect(await database.rows(`SELECT id FROM batches WHERE state = 'receiving'`)).toEqual([]);
      await create({ files, fields: { kind: 'detect' } }, KEYS.census);
    });

    it('a body that is neither a form nor JSON', async () => {
      const response = await ask('/api/v1/jobs', {
        method: 'POST',
        body: 'https://example.org/photo.jpg',
        headers: { 'content-type': 'text/plain' },
      });
      await expectProblem(response, 415, 'unsupported-content-type');
    });
  });
});

describe('batches without storage', () => {
  it('say how to turn it on', async () => {
    const service = await startService();
    const form = new FormData();
    form.append('file', new Blob(['x']), 'a.jpg');
    await expectProblem(await fetch(`${service.url}/api/v1/jobs`, { method: 'POST', body: form }), 409, 'storage-off');
    await expectProblem(await fetch(`${service.url}/api/v1/jobs`), 409, 'storage-off');
    await service.close();
  });
});

import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchBody, BatchItemPageBody } from '../src/jobs/api/schemas.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { getObjects, openTestBucket, putObjects, s3Environment, type TestBucket } from './fixtures/s3-server.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { startWebhookReceiver } from './fixtures/webhook-receiver.ts';
import { expectProblem, type Service, startService, until } from './support/service.ts';

/** Batches whose results are written to a folder in S3. */

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const photo = await encode(portrait({ width: 240, height: 320 }), 'jpeg');
const png = await encode(portrait({ width: 240, height: 320 }), 'png');

interface ManifestLine {
  readonly name: string;
  readonly state: string;
  readonly face_count?: number;
  readonly output: { readonly file: string; readonly key: string; readonly sha256: string } | null;
  readonly error: { readonly code: string } | null;
}

const linesOf = (manifest: Buffer) =>
  manifest
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ManifestLine);

describe('a batch whose results go to a folder in S3', () => {
  let folder: string;
  let database: TestDatabase;
  let bucket: TestBucket;
  let name: string;
  let service: Service;

  beforeAll(async () => {
    folder = await makeDataFolder('batch-output');
    database = await createTestDatabase();
    bucket = await openTestBucket();
    name = bucket.settings.bucket;
    await putObjects(bucket.settings, {
      'shoot/a.jpg': photo,
      'shoot/day 1/b ä😀.jpg': photo,
      'shoot/notes.txt': Buffer.from('no image'),
      'taken/a.jpg': Buffer.from('of somebody else'),
      'finished/manifest.jsonl': Buffer.from('of somebody else'),
    });
    service = await startService({
      ...s3Environment(bucket.settings),
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
      FACE_API_MASK_RECALL: 'fast',
      FACE_API_BATCH_S3_ALLOW: `${name}/shoot`,
      FACE_API_BATCH_S3_OUTPUT_ALLOW: ['shoot', 'masked', 'taken', 'finished', 'detected', 'equal', 'slow', 'again']
        .map((prefix) => `${name}/${prefix}`)
        .concat('no-such-bucket-of-ours')
        .join(),
      FACE_API_WEBHOOK_ALLOW: '127.0.0.1',
      FACE_API_WEBHOOK_HTTP: 'true',
    });
  });
  afterAll(async () => {
    await service.close();
    await bucket.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const postJson = (body: object, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${service.url}/api/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const postFiles = (prefix: string, files: readonly (readonly [name: string, bytes: Uint8Array])[], kind = 'mask') => {
    const form = new FormData();
    form.append('kind', kind);
    form.append('output', JSON.stringify(at(prefix)));
    for (const [fileName, bytes] of files) form.append('file', new Blob([Uint8Array.from(bytes)]), fileName);
    return fetch(`${service.url}/api/v1/jobs`, { method: 'POST', body: form });
  };
  const at = (prefix: string) => ({ s3: { bucket: name, prefix } });
  const created = async (response: Response): Promise<BatchBody> => {
    expect({ status: response.status, text: await response.clone().text() }).toMatchObject({ status: 202 });
    return (await response.json()) as BatchBody;
  };
  const ended = (id: string) =>
    until(async () => {
      const batch = (await (await fetch(`${service.url}/api/v1/jobs/${id}`)).json()) as BatchBody;
      return batch.finished_at !== null && batch;
    }, 50_000);

  it('has each result under its own name, and the manifest', async () => {
    const receiver = await startWebhookReceiver();
    const webhook = `${receiver.url}/ended`;
    const sent = await created(await postJson({ kind: 'mask', source: at('shoot'), output: at('masked'), webhook }));
    const output = { s3: { bucket: name, prefix: 'masked/', manifest: 'masked/manifest.jsonl' } };
    expect(sent).toMatchObject({ output, result_url: null });
    expect(await ended(sent.id)).toMatchObject({
      state: 'done',
      output,
      result_url: null,
      counts: { total: 3, done: 2, failed: 1 },
    });
    const objects = await getObjects(bucket.settings, 'masked/');
    expect([...objects.keys()]).toEqual(['masked/a.jpg', 'masked/day 1/b ä😀.jpg', 'masked/manifest.jsonl']);
    const lines = linesOf(objects.get('masked/manifest.jsonl')!);
    expect(lines).toMatchObject([
      { name: 'a.jpg', face_count: 1, output: { file: 'a.jpg', key: 'masked/a.jpg' }, error: null },
      { name: 'day 1/b ä😀.jpg', output: { file: 'day 1/b ä😀.jpg', key: 'masked/day 1/b ä😀.jpg' } },
      { name: 'notes.txt', output: null, error: { code: 'unsupported_image' } },
    ]);
    for (const line of lines) {
      if (line.output) expect(sha256(objects.get(line.output.key)!)).toBe(line.output.sha256);
    }
    expect(objects.get('masked/a.jpg')).not.toEqual(photo);
    // Nothing is stored twice.
    expect([...(await getObjects(bucket.settings, 'batches/')).keys()]).toEqual([]);

    const items = (await (await fetch(`${service.url}/api/v1/jobs/${sent.id}/items`)).json()) as BatchItemPageBody;
    expect(items.rows.map((item) => item.output?.key)).toEqual(['masked/a.jpg', 'masked/day 1/b ä😀.jpg', undefined]);
    const problem = await expectProblem(
      await fetch(`${service.url}/api/v1/jobs/${sent.id}/result`),
      409,
      'results-in-s3',
    );
    expect(problem.detail).toContain(`s3://${name}/masked/`);
    await until(() => receiver.received.length > 0);
    expect(JSON.parse(receiver.received[0]!.body)).toMatchObject({
      type: 'batch.done',
      data: { id: sent.id, result_url: null, output },
    });
    await receiver.close();
  });

  it('has numbers in names that are equal, in the order of the files', async () => {
    const { id } = await created(
      await postFiles('equal', [
        ['a.jpg', photo],
        ['A.jpg', photo],
        ['a.jpg', png],
        ['scan', photo],
        ['a.jpg', photo],
      ]),
    );
    expect(await ended(id)).toMatchObject({ state: 'done', counts: { done: 5 } });
    const lines = linesOf((await getObjects(bucket.settings, 'equal/')).get('equal/manifest.jsonl')!);
    expect(lines.map(({ output }) => output?.file)).toEqual([
      'a.jpg',
      'A (2).jpg',
      'a (3).jpg.png',
      'scan.jpg',
      'a (4).jpg',
    ]);
  });

  it('has only the manifest if faces are detected', async () => {
    const { id } = await created(await postFiles('detected', [['a.jpg', photo]], 'detect'));
    expect(await ended(id)).toMatchObject({ state: 'done', counts: { done: 1 } });
    const objects = await getObjects(bucket.settings, 'detected/');
    expect([...objects.keys()]).toEqual(['detected/manifest.jsonl']);
    expect(linesOf([...objects.values()][0]!)).toMatchObject([{ name: 'a.jpg', face_count: 1, output: null }]);
  });

  it('replaces nothing of somebody else', async () => {
    const { id } = await created(
      await postFiles('taken', [
        ['a.jpg', photo],
        ['b.jpg', photo],
      ]),
    );
    expect(await ended(id)).toMatchObject({ state: 'done', counts: { done: 1, failed: 1 } });
    const objects = await getObjects(bucket.settings, 'taken/');
    expect(objects.get('taken/a.jpg')!.toString()).toBe('of somebody else');
    expect(linesOf(objects.get('taken/manifest.jsonl')!)).toMatchObject([
      { name: 'a.jpg', state: 'failed', error: { code: 'output_exists' } },
      { name: 'b.jpg', state: 'done', output: { key: 'taken/b.jpg' } },
    ]);
  });

  it('is the same batch if it is sent again with its idempotency key, also after its results are there', async () => {
    const order = { kind: 'detect', source: at('shoot'), output: at('again') };
    const send = (body: object) => postJson(body, { 'idempotency-key': 'output-1' });
    const { id } = await created(await send(order));
    await ended(id);
    expect((await created(await send(order))).id).toBe(id);
    await expectProblem(await send({ ...order, output: at('masked') }), 422, 'idempotency-mismatch');
    await expectProblem(await postJson(order), 409, 'output-exists');
  });

  it('leaves what was written when it is canceled, with its manifest', async () => {
    const { id } = await created(
      await postFiles(
        'slow',
        Array.from({ length: 30 }, (_, at) => [`${at}.jpg`, photo] as const),
      ),
    );
    await until(async () => (await getObjects(bucket.settings, 'slow/')).size > 0);
    const canceled = (await (
      await fetch(`${service.url}/api/v1/jobs/${id}`, { method: 'DELETE' })
    ).json()) as BatchBody;
    expect(['finishing', 'canceled']).toContain(canceled.state);
    const { state, counts } = await ended(id);
    expect({ state, total: counts.done + counts.canceled }).toEqual({ state: 'canceled', total: 30 });
    const objects = await getObjects(bucket.settings, 'slow/');
    const lines = linesOf(objects.get('slow/manifest.jsonl')!);
    expect(lines.filter((line) => line.state === 'done')).toHaveLength(counts.done);
    for (const { output } of lines) if (output) expect(sha256(objects.get(output.key)!)).toBe(output.sha256);
  });

  it.each([
    ['that is not allowed', { output: { prefix: 'other' } }, 403, 'bucket-not-allowed', /S3_OUTPUT_ALLOW/],
    ['that is no folder', { output: { prefix: 'masked/..' } }, 400, 'invalid-option', /^output: .*prefix/],
    ['that is its source', { output: { prefix: 'shoot' } }, 422, 'output-overlaps-source', /outside of the source/],
    ['in its source', { output: { prefix: 'shoot/masked' } }, 422, 'output-overlaps-source', /overlap/],
    ['that has a manifest', { output: { prefix: 'finished' } }, 409, 'output-exists', /manifest.jsonl exists already/],
    ['in no bucket', { output: { bucket: 'no-such-bucket-of-ours' } }, 422, 'output-failed', /NoSuchBucket/],
    ['without a bucket', { output: { bucket: undefined } }, 400, 'invalid-option', /output.*bucket/],
    ['if it may only be written', { source: 'masked' }, 403, 'bucket-not-allowed', /BATCH_S3_ALLOW/],
  ])('is rejected with an output %s', async (_what, { source = 'shoot', output = {} }: Given, status, type, detail) => {
    const s3 = { bucket: name, prefix: 'masked/2', ...output };
    const response = await postJson({ kind: 'mask', source: at(source), output: { s3 } });
    expect((await expectProblem(response, status, type)).detail).toMatch(detail);
  });
});

interface Given {
  readonly source?: string;
  readonly output?: { readonly bucket?: string | undefined; readonly prefix?: string };
}

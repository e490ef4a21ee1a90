import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenedStorage, openStorage } from '../../test/fixtures/opened-storage.ts';
import {
  deleteObject,
  getObjects,
  openTestBucket,
  putObjects,
  type TestBucket,
} from '../../test/fixtures/s3-server.ts';
import type { ImageRequest } from '../inference/image-request.ts';
import { type NewObject, S3Buckets } from '../storage/objects/s3-buckets.ts';
import { BatchEnds } from './batch-ends.ts';
import { BatchFeeder } from './batch-feeder.ts';
import { BatchFinishing } from './batch-finishing.ts';
import { BatchPruner } from './batch-pruner.ts';
import { BatchQueue } from './batch-queue.ts';
import { Boss } from './boss.ts';
import { ChunkProcessing } from './chunk-processing.ts';
import { ItemProcessing } from './item-processing.ts';
import { ListingQueue } from './listing-queue.ts';
import { S3Output } from './results/s3-output.ts';
import { AllowedPlaces, type S3Place, WRITING } from './s3-place.ts';
import { S3Source } from './sources/s3-source.ts';
import { type Sql, sqlOf } from './sql.ts';
import { StoredBatches } from './stored-batches.ts';

const OPERATOR = 'operator';
const NO_BUCKET = 'no-such-bucket-of-ours';
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

type Mask = (image: string) => Promise<string> | string;

/** What the S3 service does is up to the test: faults are injected here. */
class FaultyBuckets extends S3Buckets {
  before: (key: string) => Promise<void> | void = () => undefined;
  after: (key: string) => Promise<void> | void = () => undefined;

  override async put(bucket: string, key: string, object: NewObject, replaces: boolean): Promise<boolean> {
    await this.before(key);
    const isWritten = await super.put(bucket, key, object, replaces);
    await this.after(key);
    return isWritten;
  }
}

describe('results in S3', () => {
  let storage: OpenedStorage;
  let bucket: TestBucket;
  let buckets: FaultyBuckets;
  let output: S3Output;
  let boss: Boss;
  let queue: BatchQueue;
  let ends: BatchEnds;
  let batches: StoredBatches;
  let place: S3Place;
  let sql: Sql;

  beforeEach(async () => {
    storage = await openStorage();
    bucket = await openTestBucket();
    buckets = new FaultyBuckets(bucket.settings);
    // Whether it knows conditions is then known.
    const object = { body: Buffer.alloc(1), bytes: 1, contentType: 'image/jpeg', writer: '' };
    await buckets.put(bucket.settings.bucket, 'first', object, false);
    const allowed = new AllowedPlaces([bucket.settings.bucket, NO_BUCKET], '', WRITING);
    output = new S3Output(allowed, buckets);
    boss = new Boss(storage.database, false);
    queue = new BatchQueue(boss);
    ends = new BatchEnds(boss);
    batches = new StoredBatches(storage.database, storage.objects, new BatchFeeder(queue), {
      ends,
      listings: new ListingQueue(boss),
      source: new S3Source(new AllowedPlaces([], ''), null, 1),
      output,
      limits: { maxItems: 1000, maxBytes: 1e9 },
    });
    place = { bucket: bucket.settings.bucket, prefix: 'masked/' };
    sql = sqlOf(await storage.database.ready());
  });
  afterEach(async () => {
    await boss.stop();
    buckets.close();
    await bucket.close();
    await storage.close();
  });

  const create = async (names: readonly string[], at = place): Promise<string> => {
    const intake = await batches.receive(null, 'request');
    for (const name of names) await intake.add({ name, bytes: Buffer.from(name) });
    return intake.complete({ kind: 'mask', options: {}, priority: 0, output: at, webhook: 'https://example.com/' });
  };
  const itemsWith = (mask: Mask): ItemProcessing =>
    new ItemProcessing(
      { process: (_: ImageRequest, work: () => Promise<unknown>) => work() } as never,
      {
        mask: async ({ image }: ImageRequest) => ({
          body: { face_count: 1 },
          format: 'jpeg',
          encoded: Buffer.from(await mask(Buffer.from(image).toString())),
        }),
      } as never,
      {} as never,
      storage.objects,
      {} as never,
      {} as never,
      {} as never,
      output,
    );
  const workerWith = (mask: Mask = (image) => `masked ${image}`) =>
    new ChunkProcessing(
      {
        database: storage.database,
        objects: storage.objects,
        items: itemsWith(mask),
        feeder: new BatchFeeder(queue),
        ends,
        events: { settled: () => undefined, retried: () => undefined },
      },
      { concurrency: 1, timeoutMs: 10_000, firstDelaySeconds: 0 },
    );
  const chunkOf = async (id: string) =>
    (await sql.query<{ id: string }>('SELECT id FROM batch_chunks WHERE batch_id = $1', [id])).rows[0]!.id;
  const process = async (id: string, worker = workerWith()) => worker.process(await chunkOf(id));
  const finish = (id: string) => new BatchFinishing({ database: storage.database, ends, output }).process(id);
  const objects = () => getObjects(bucket.settings, 'masked/');
  const textsOf = async () => Object.fromEntries([...(await objects())].map(([key, bytes]) => [key, String(bytes)]));
  const itemsOf = async (id: string) => (await batches.items(id, OPERATOR, { from: 0, limit: 100 })).items;
  const expectTrue = async (id: string) => {
    const written = await objects();
    for (const { state, result } of await itemsOf(id)) {
      if (state === 'done') expect(sha256(written.get(result!.key)!)).toBe(result!.sha256);
    }
  };

  it('are written once, then their manifest, then the batch is done', async () => {
    const id = await create(['a.jpg', 'a.jpg', 'day 1/b.png']);
    await process(id);
    const written = { 'masked/a.jpg': 'masked a.jpg', 'masked/a (2).jpg': 'masked a.jpg' };
    expect(await textsOf()).toEqual({ ...written, 'masked/day 1/b.png.jpg': 'masked day 1/b.png' });
    expect(await batches.find(id, OPERATOR)).toMatchObject({ state: 'finishing', doneCount: 3, finishedAt: null });
    expect(await ends.finishings.has(id)).toBe(true);
    await finish(id);
    expect(await batches.find(id, OPERATOR)).toMatchObject({ state: 'done', finishedAt: expect.any(Date) as Date });
    const manifest = (await objects()).get('masked/manifest.jsonl')!.toString().trim().split('\n');
    expect(manifest.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { output: { file: 'a.jpg', key: 'masked/a.jpg', sha256: sha256(Buffer.from('masked a.jpg')) } },
      { output: { file: 'a (2).jpg', key: 'masked/a (2).jpg' } },
      { output: { file: 'day 1/b.png.jpg', key: 'masked/day 1/b.png.jpg' } },
    ]);
    const { rows } = await sql.query('SELECT batch_state FROM webhook_deliveries');
    expect(rows).toEqual([{ batch_state: 'done' }]);
    for await (const { key } of storage.objects.list('batches/')) throw new Error(`${key} is stored`);
  });

  it('are the same objects if a worker is killed after it wrote one and before it recorded it', async () => {
    const id = await create(['a.jpg', 'b.jpg']);
    buckets.after = () => {
      throw new Error('killed');
    };
    await expect(process(id)).rejects.toThrow();
    expect((await textsOf())['masked/a.jpg']).toBe('masked a.jpg');
    expect(await itemsOf(id)).toMatchObject([{ state: 'waiting' }, { state: 'waiting' }]);
    buckets.after = () => undefined;
    await process(
      id,
      workerWith((image) => `again ${image}`),
    );
    expect(await textsOf()).toEqual({ 'masked/a.jpg': 'again a.jpg', 'masked/b.jpg': 'again b.jpg' });
    expect(await batches.find(id, OPERATOR)).toMatchObject({ doneCount: 2, failedCount: 0 });
    await expectTrue(id);
  });

  it('are those of the latest attempt, also if a worker that was taken for dead comes back', async () => {
    const id = await create(['a.jpg']);
    const chunk = await chunkOf(id);
    let comeBack = (): void => undefined;
    const away = new Promise<void>((resolve) => (comeBack = resolve));
    let isAway = (): void => undefined;
    const left = new Promise<void>((resolve) => (isAway = resolve));
    const lateMask = async () => {
      isAway();
      await away;
      return 'late';
    };
    const late = workerWith(lateMask).process(chunk);
    await left;
    await workerWith(() => 'latest').process(chunk);
    comeBack();
    await expect(late).rejects.toThrow();
    expect(await textsOf()).toEqual({ 'masked/a.jpg': 'latest' });
    expect(await itemsOf(id)).toMatchObject([{ state: 'done', attempts: 2 }]);
    await expectTrue(id);
  });

  it('are those of the latest attempt, also if the earlier one had written its own', async () => {
    const id = await create(['a.jpg']);
    const chunk = await chunkOf(id);
    const later = workerWith(() => 'latest');
    let isFirst = true;
    buckets.after = async () => {
      if (!isFirst) return;
      isFirst = false;
      await later.process(chunk);
    };
    await workerWith(() => 'early').process(chunk);
    expect(await textsOf()).toEqual({ 'masked/a.jpg': 'latest' });
    expect(await itemsOf(id)).toMatchObject([{ state: 'done', attempts: 2 }]);
    await expectTrue(id);
  });

  it('wait for an S3 service that is away, which is not counted as an attempt', async () => {
    const id = await create(['a.jpg']);
    buckets.before = () => {
      throw new Error('away');
    };
    for (let attempt = 0; attempt < 7; attempt++) await expect(process(id)).rejects.toThrow();
    buckets.before = () => undefined;
    await process(id);
    expect(await itemsOf(id)).toMatchObject([{ state: 'done', attempts: 1 }]);
  });

  it('replace nothing that somebody else wrote, before or at the same time', async () => {
    const id = await create(['a.jpg', 'b.jpg']);
    await putObjects(bucket.settings, { 'masked/a.jpg': Buffer.from('of somebody else') });
    // The test server knows no conditional put: this is what another would respond.
    let isTold = false;
    const put = buckets.put.bind(buckets);
    buckets.put = async (...given) => {
      if (isTold) return put(...given);
      isTold = true;
      await putObjects(bucket.settings, { 'masked/b.jpg': Buffer.from('of somebody faster') });
      return false;
    };
    await expect(process(id)).rejects.toThrow();
    await process(id);
    expect(await textsOf()).toEqual({ 'masked/a.jpg': 'of somebody else', 'masked/b.jpg': 'of somebody faster' });
    expect(await itemsOf(id)).toMatchObject([
      { state: 'failed', error: { code: 'output_exists' } },
      { state: 'failed', error: { code: 'output_exists' } },
    ]);
  });

  it('fail if the service refuses them, and so does the batch', async () => {
    const id = await create(['a.jpg']);
    await sql.query(`UPDATE batches SET output = $1`, [{ bucket: NO_BUCKET, prefix: '' }]);
    await process(id);
    const refused = { code: 'output_failed', detail: expect.stringContaining('NoSuchBucket') as string };
    expect(await itemsOf(id)).toMatchObject([{ state: 'failed', error: refused }]);
    await finish(id);
    expect(await batches.find(id, OPERATOR)).toMatchObject({ state: 'failed', error: refused });
  });

  it('have a complete manifest or none, whenever its worker is killed', async () => {
    const id = await create(['a.jpg']);
    await process(id);
    for (const moment of ['before', 'after'] as const) {
      buckets[moment] = () => {
        throw new Error('killed');
      };
      await expect(finish(id)).rejects.toThrow('killed');
      buckets[moment] = () => undefined;
      expect((await objects()).has('masked/manifest.jsonl')).toBe(moment === 'after');
      expect(await batches.find(id, OPERATOR)).toMatchObject({ state: 'finishing' });
    }
    await Promise.all([finish(id), finish(id)]);
    expect(await batches.find(id, OPERATOR)).toMatchObject({ state: 'done', error: null });
    expect((await objects()).get('masked/manifest.jsonl')!.toString()).toContain('"key":"masked/a.jpg"');
  });

  it('get their manifest on demand after it could not be written', async () => {
    const id = await create(['a.jpg']);
    await process(id);
    await putObjects(bucket.settings, { 'masked/manifest.jsonl': Buffer.from('of somebody else') });
    await finish(id);
    expect(await batches.find(id, OPERATOR)).toMatchObject({ state: 'failed', error: { code: 'output_exists' } });
    await deleteObject(bucket.settings, 'masked/manifest.jsonl');
    expect(await batches.retry(id, OPERATOR)).toMatchObject({ state: 'finishing', error: null, finishedAt: null });
    await finish(id);
    expect(await batches.find(id, OPERATOR)).toMatchObject({ state: 'done', doneCount: 1 });
  });

  it('have a manifest of what is done if the batch is canceled', async () => {
    const id = await create(['a.jpg', 'b.jpg']);
    let isCanceled: Promise<unknown> | undefined;
    const worker = workerWith(async (image) => {
      await (isCanceled ??= batches.cancel(id, OPERATOR));
      return `masked ${image}`;
    });
    await process(id, worker);
    expect(await batches.find(id, OPERATOR)).toMatchObject({ state: 'finishing', canceledCount: 2 });
    await finish(id);
    expect(await batches.find(id, OPERATOR)).toMatchObject({ state: 'canceled', canceledCount: 2 });
    expect((await objects()).has('masked/manifest.jsonl')).toBe(true);
  });

  it('have one batch at a time in a place', async () => {
    const id = await create(['a.jpg']);
    await expect(create(['b.jpg'])).rejects.toMatchObject({ code: 'output_exists' });
    await process(id);
    await expect(create(['b.jpg'])).rejects.toMatchObject({ code: 'output_exists' });
    await finish(id);
    await expect(create(['b.jpg'])).rejects.toThrow(/manifest.jsonl exists already/);
    expect(await create(['b.jpg'], { ...place, prefix: 'masked/2/' })).toEqual(expect.any(String));
  });

  it('stay when the batch is deleted', async () => {
    const id = await create(['a.jpg']);
    await process(id);
    await finish(id);
    const before = await textsOf();
    const pruner = new BatchPruner(storage.database, storage.objects, 0, 0);
    expect(await pruner.prune(Date.now() + 1000)).toBe(1);
    await expect(batches.find(id, OPERATOR)).rejects.toMatchObject({ code: 'not_found' });
    expect(await textsOf()).toEqual(before);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenedStorage, openStorage } from '../../test/fixtures/opened-storage.ts';
import { until } from '../../test/support/service-process.ts';
import { DomainError } from '../errors/domain-error.ts';
import type { ObjectStore } from '../storage/objects/object-store.ts';
import { BatchEnds } from './batch-ends.ts';
import { BatchFeeder } from './batch-feeder.ts';
import { BatchFinishing } from './batch-finishing.ts';
import { BatchListing } from './batch-listing.ts';
import { BatchPruner } from './batch-pruner.ts';
import { BatchQueue } from './batch-queue.ts';
import type { Batch, Chunk } from './batch-records.ts';
import { BatchWorker } from './batch-worker.ts';
import { Boss } from './boss.ts';
import { ChunkProcessing, MAX_ATTEMPTS } from './chunk-processing.ts';
import { type ItemProcessing, ObjectsUnavailableError } from './item-processing.ts';
import { ListingQueue } from './listing-queue.ts';
import { S3Output } from './results/s3-output.ts';
import { AllowedPlaces, WRITING } from './s3-place.ts';
import { S3Source } from './sources/s3-source.ts';
import { sqlOf } from './sql.ts';
import { StoredBatches } from './stored-batches.ts';
import { WebhookDeliveries } from './webhooks/webhook-deliveries.ts';

const OPERATOR = 'operator';
const HOUR_MS = 3_600_000;
const noSource = new S3Source(new AllowedPlaces([], ''), null, 1);
const noOutput = new S3Output(new AllowedPlaces([], '', WRITING), null);

/** What becomes of an item is up to the test: faults are injected here. */
type Fate = (position: number, chunk: Chunk) => Promise<void>;

describe('batches in the queue', () => {
  let storage: OpenedStorage;
  let boss: Boss;
  let queue: BatchQueue;
  let ends: BatchEnds;
  let listings: ListingQueue;
  let batches: StoredBatches;
  let worker: BatchWorker | undefined;

  beforeEach(async () => {
    storage = await openStorage();
    boss = new Boss(storage.database, true);
    queue = new BatchQueue(boss);
    ends = new BatchEnds(boss);
    listings = new ListingQueue(boss);
    const limits = { maxItems: 100_000, maxBytes: 1e9 };
    batches = new StoredBatches(storage.database, storage.objects, new BatchFeeder(queue), {
      ends,
      listings,
      source: noSource,
      output: noOutput,
      limits,
    });
  });
  afterEach(async () => {
    await worker?.stop();
    worker = undefined;
    await boss.stop();
    await storage.close();
  });

  const create = async (count: number, { key = null as string | null, priority = 0 } = {}): Promise<string> => {
    const intake = await batches.receive(key, 'request');
    for (let at = 0; at < count; at++) await intake.add({ name: `${at}.jpg`, bytes: Buffer.from(`${at}`) });
    await intake.complete({ kind: 'mask', options: {}, priority });
    return intake.id;
  };

  const work = (fate: Fate, objects: ObjectStore = storage.objects): BatchWorker => {
    const { database } = storage;
    const feeder = new BatchFeeder(queue);
    const process: ItemProcessing['process'] = async (chunk, { position }) => {
      await fate(position, chunk);
      return { outcome: { face_count: 1 }, input: { bytes: 1, sha256: '0'.repeat(64) }, result: null };
    };
    const items = { process } as ItemProcessing;
    const events = { settled: () => undefined, retried: () => undefined };
    const chunks = new ChunkProcessing(
      { database, objects, items, feeder, ends, events },
      { concurrency: 1, timeoutMs: 10_000, firstDelaySeconds: 0 },
    );
    const listing = new BatchListing({ database, feeder, ends, source: noSource }, 100_000);
    const pruner = new BatchPruner(database, objects, HOUR_MS, HOUR_MS);
    const webhookEvents = { attempted: () => undefined, givenUp: () => undefined };
    const send = () => Promise.reject(new Error('no batch has a webhook'));
    const webhooks = new WebhookDeliveries(database, ends.webhooks, { send }, webhookEvents);
    worker = new BatchWorker({
      database,
      queue,
      listings,
      finishings: ends.finishings,
      feeder,
      chunks,
      listing,
      finishing: new BatchFinishing({ database, ends, output: noOutput }),
      pruner,
      webhooks,
      showBacklog: () => undefined,
    });
    worker.start();
    return worker;
  };

  const ended = (id: string): Promise<Batch> =>
    until(async () => {
      const batch = await batches.find(id, OPERATOR);
      return batch.state !== 'active' && batch;
    }, 40_000);

  it('processes each item once', async () => {
    const seen: number[] = [];
    const id = await create(250);
    work((position) => Promise.resolve(void seen.push(position)));
    expect(await ended(id)).toMatchObject({ state: 'done', doneCount: 250, itemCount: 250 });
    expect(seen.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 250 }, (_, at) => at));
  });

  it('fails an item at once whose file cannot succeed', async () => {
    const id = await create(3);
    work((position) =>
      position === 1 ? Promise.reject(new DomainError('undecodable_image', 'It is cut off')) : Promise.resolve(),
    );
    expect(await ended(id)).toMatchObject({ state: 'done', doneCount: 2, failedCount: 1, deadCount: 0 });
    const { items } = await batches.items(id, OPERATOR, { from: 0, limit: 10, state: 'failed' });
    expect(items).toMatchObject([
      { position: 1, attempts: 1, error: { code: 'undecodable_image', detail: 'It is cut off' } },
    ]);
  });

  it('retries what may pass, gives it up after some attempts, and processes it again on demand', async () => {
    let attempts = 0;
    let isBroken = true;
    const id = await create(2);
    work((position) => {
      if (position === 1) attempts++;
      return position === 1 && isBroken ? Promise.reject(new Error('out of luck')) : Promise.resolve();
    });
    expect(await ended(id)).toMatchObject({ state: 'done', doneCount: 1, deadCount: 1 });
    expect(attempts).toBe(MAX_ATTEMPTS);
    const { items } = await batches.items(id, OPERATOR, { from: 0, limit: 10, state: 'dead' });
    expect(items).toMatchObject([{ position: 1, error: { code: 'internal' } }]);

    isBroken = false;
    expect(await batches.retry(id, OPERATOR)).toMatchObject({ state: 'active', deadCount: 0 });
    expect(await ended(id)).toMatchObject({ state: 'done', doneCount: 2, deadCount: 0 });
  });

  it('gives up an item that ends its process each time', async () => {
    const id = await create(1);
    await sqlOf(await storage.database.ready()).query('UPDATE batch_items SET attempts = $1', [MAX_ATTEMPTS]);
    work(() => Promise.reject(new Error('must not be processed')));
    expect(await ended(id)).toMatchObject({ deadCount: 1 });
  });

  it('does not blame items for a failure of the object store', async () => {
    let failures = 0;
    const id = await create(3);
    work(() => {
      if (failures++ < 2) return Promise.reject(new ObjectsUnavailableError('away'));
      return Promise.resolve();
    });
    expect(await ended(id)).toMatchObject({ doneCount: 3 });
    const { items } = await batches.items(id, OPERATOR, { from: 0, limit: 10 });
    expect(items.map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
  });

  it('lets ten items of one key pass a thousand of another', async () => {
    const order: string[] = [];
    await create(1000, { key: 'archive' });
    const few = await create(10, { key: 'school' });
    work((_position, { apiKeyName }) => Promise.resolve(void order.push(apiKeyName ?? '')));
    await ended(few);
    expect(order.lastIndexOf('school')).toBeLessThan(250);
  });

  it('starts the batch with the higher priority first, of those of one key', async () => {
    const low = await create(1700);
    const high = await create(1, { priority: 5 });
    const sql = sqlOf(await storage.database.ready());
    const queued = (id: string) => sql.query('SELECT FROM batch_chunks WHERE batch_id = $1', [id]);
    const nextOfLow = async () =>
      (await sql.query<{ next: number }>('SELECT next_position AS next FROM batches WHERE id = $1', [low])).rows[0]!
        .next;
    expect((await queued(low)).rowCount).toBe(16);
    const next = await nextOfLow();
    expect(next).toBeLessThan(1700);
    work(() => Promise.resolve());
    await until(async () => (await queued(high)).rowCount > 0);
    expect(await nextOfLow()).toBe(next);
    await ended(high);
  });

  it('keeps what is done when a batch is canceled, and the queue goes on', async () => {
    const id = await create(300);
    let processed = 0;
    let isCanceled: Promise<unknown> | undefined;
    work((_position, { batchId }) => {
      if (batchId === id && ++processed === 50) isCanceled = batches.cancel(id, OPERATOR);
      return Promise.resolve();
    });
    await until(() => isCanceled);
    await isCanceled;
    const next = await create(2);
    expect(await ended(next)).toMatchObject({ doneCount: 2 });
    const batch = await batches.find(id, OPERATOR);
    expect(batch.state).toBe('canceled');
    expect(batch.doneCount).toBeGreaterThanOrEqual(45);
    expect(batch.doneCount + batch.canceledCount).toBe(300);
    const done = await batches.items(id, OPERATOR, { from: 0, limit: 300, state: 'done' });
    expect(done.items).toHaveLength(batch.doneCount);
  });

  it('queues chunks again that the queue has lost', async () => {
    const id = await create(120);
    const sql = sqlOf(await storage.database.ready());
    await sql.query('DELETE FROM pgboss.job');
    await sql.query(`UPDATE batch_chunks SET created_at = now() - interval '2 minutes'`);
    work(() => Promise.resolve());
    expect(await ended(id)).toMatchObject({ doneCount: 120 });
  });

  it('deletes batches after their retention time, with their objects', async () => {
    const id = await create(3);
    work(() => Promise.reject(new DomainError('unsupported_image', 'no image')));
    await ended(id);
    const young = await create(2);
    await ended(young);
    await sqlOf(await storage.database.ready()).query(
      `UPDATE batches SET finished_at = now() - interval '61 minutes' WHERE id = $1`,
      [id],
    );
    const pruner = new BatchPruner(storage.database, storage.objects, HOUR_MS, HOUR_MS);
    expect(await pruner.prune()).toBe(1);
    await expect(batches.find(id, OPERATOR)).rejects.toThrow(/not found/);
    for await (const { key } of storage.objects.list(`batches/${id}/`)) throw new Error(`${key} is left`);
    expect(await batches.find(young, OPERATOR)).toMatchObject({ failedCount: 2 });
  });

  it('leaves short tables behind', async () => {
    const id = await create(400);
    work(() => Promise.resolve());
    await ended(id);
    const sql = sqlOf(await storage.database.ready());
    await expect.poll(async () => (await sql.query('SELECT FROM batch_chunks')).rowCount, { timeout: 10_000 }).toBe(0);
  });
});

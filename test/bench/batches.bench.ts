/**
 * `npm run bench:batches [-- ITEMS]`: what the queue itself costs. So many items without any work on images pass through it, on
 * the embedded PostgreSQL of a folder that is made for it. Prints the cost per item, whether the rate stays the same, and the
 * sizes of the tables before and after the batch is deleted.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 } from 'uuid';
import { BatchEnds } from '../../src/jobs/batch-ends.ts';
import { BatchFeeder } from '../../src/jobs/batch-feeder.ts';
import { BatchFinishing } from '../../src/jobs/batch-finishing.ts';
import { BatchListing } from '../../src/jobs/batch-listing.ts';
import { BatchPruner } from '../../src/jobs/batch-pruner.ts';
import { BatchQueue } from '../../src/jobs/batch-queue.ts';
import { activateBatch, findBatch, insertBatch, insertItems } from '../../src/jobs/batch-records.ts';
import { BatchWorker } from '../../src/jobs/batch-worker.ts';
import { Boss } from '../../src/jobs/boss.ts';
import { ChunkProcessing } from '../../src/jobs/chunk-processing.ts';
import type { ItemProcessing } from '../../src/jobs/item-processing.ts';
import { ListingQueue } from '../../src/jobs/listing-queue.ts';
import { S3Output } from '../../src/jobs/results/s3-output.ts';
import { AllowedPlaces, WRITING } from '../../src/jobs/s3-place.ts';
import { S3Source } from '../../src/jobs/sources/s3-source.ts';
import { inTransaction, type Sql, sqlOf } from '../../src/jobs/sql.ts';
import { WebhookDeliveries } from '../../src/jobs/webhooks/webhook-deliveries.ts';
import { AssetUrls } from '../../src/storage/objects/asset-urls.ts';
import { FolderStore } from '../../src/storage/objects/folder-store.ts';
import { makeDataFolder } from '../fixtures/data-folder.ts';
import { openDatabase } from '../fixtures/opened-database.ts';

const ITEMS = Number(process.argv[2] ?? 100_000);
const ITEMS_PER_INSERT = 1000;
const SAMPLE = Math.max(500, Math.round(ITEMS / 10));

const folder = await makeDataFolder('bench');
const database = openDatabase('', folder);
const objects = await FolderStore.open(join(folder, 'objects'), new AssetUrls(Buffer.alloc(32)));
const boss = new Boss(database, true);
const queue = new BatchQueue(boss);
const ends = new BatchEnds(boss);
const feeder = new BatchFeeder(queue);

/** When each item was finished */
const finished: number[] = [];
const items = {
  process: () =>
    Promise.resolve({ outcome: { face_count: 1 }, input: { bytes: 1, sha256: '0'.repeat(64) }, result: null }),
};
const chunks = new ChunkProcessing(
  {
    database,
    objects,
    items: items as unknown as ItemProcessing,
    feeder,
    ends,
    events: { settled: () => finished.push(performance.now()), retried: () => undefined },
  },
  { concurrency: 1, timeoutMs: 30_000 },
);
const pruner = new BatchPruner(database, objects, 0, 0);
const webhooks = new WebhookDeliveries(
  database,
  ends.webhooks,
  { send: () => Promise.reject(new Error('the batch has no webhook')) },
  { attempted: () => undefined, givenUp: () => undefined },
);
const listings = new ListingQueue(boss);
const noSource = new S3Source(new AllowedPlaces([], ''), null, 1);
const noOutput = new S3Output(new AllowedPlaces([], '', WRITING), null);
const listing = new BatchListing({ database, feeder, ends, source: noSource }, ITEMS);
const showBacklog = () => undefined;
const finishing = new BatchFinishing({ database, ends, output: noOutput });
const { finishings } = ends;
const worker = new BatchWorker({
  database,
  queue,
  listings,
  finishings,
  feeder,
  chunks,
  listing,
  finishing,
  pruner,
  webhooks,
  showBacklog,
});

try {
  const dataSource = await database.ready();
  const sql = sqlOf(dataSource);
  await queue.ready();
  const id = await createBatch(sql);
  worker.start();
  while ((await findBatch(sql, id, 'operator'))?.state === 'active') await sleep(500);
  const rate = (from: number) => SAMPLE / ((finished[from + SAMPLE - 1]! - finished[from]!) / 1000);
  const [first, last] = [rate(0), rate(finished.length - SAMPLE)];
  const perItem = (finished.at(-1)! - finished[0]!) / finished.length;
  process.stdout.write(
    `${finished.length} items, ${perItem.toFixed(2)} ms each; ${first.toFixed(0)} items/s at the start, ` +
      `${last.toFixed(0)} at the end (${((last / first) * 100).toFixed(0)} %)\n`,
  );
  process.stdout.write(`tables: ${await sizes(sql)}\n`);
  await worker.stop();
  await pruner.prune(Date.now() + 3_600_000);
  for (const table of ['batches', 'batch_items', 'batch_chunks', 'pgboss.job']) await sql.query(`VACUUM ${table}`);
  process.stdout.write(`after the batch was deleted: ${await sizes(sql)}\n`);
} finally {
  await boss.stop();
  await database.close();
  await rm(folder, { recursive: true });
}

async function createBatch(sql: Sql): Promise<string> {
  const id = v7();
  await insertBatch(sql, id, null, 'bench');
  for (let start = 0; start < ITEMS; start += ITEMS_PER_INSERT) {
    const count = Math.min(ITEMS_PER_INSERT, ITEMS - start);
    const rows = Array.from({ length: count }, (_, at) => ({
      position: start + at,
      name: `photos/${start + at}.jpg`,
      input: { key: `batches/${id}/inputs/0/${start + at}`, bytes: 1, sha256: '0'.repeat(64) },
      error: null,
    }));
    await insertItems(sql, id, rows);
  }
  await inTransaction(await database.ready(), async (transaction) => {
    await activateBatch(transaction, id, { kind: 'mask', options: {}, priority: 0 }, ITEMS);
    await feeder.feed(transaction, null);
  });
  return id;
}

async function sizes(sql: Sql): Promise<string> {
  const { rows } = await sql.query<{ name: string; bytes: string }>(
    `SELECT relid::regclass::text AS name, pg_total_relation_size(relid) AS bytes FROM pg_stat_user_tables
     WHERE relname LIKE 'batch%' OR (schemaname = 'pgboss' AND relname LIKE 'job%') ORDER BY 2 DESC LIMIT 5`,
  );
  return rows.map(({ name, bytes }) => `${name} ${(Number(bytes) / 1e6).toFixed(1)} MB`).join(', ');
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { BatchState } from '../storage/records/batch.entity.ts';
import type { Database } from '../storage/records/database.ts';
import type { BatchFeeder } from './batch-feeder.ts';
import type { BatchFinishing } from './batch-finishing.ts';
import type { BatchListing } from './batch-listing.ts';
import type { BatchBacklog } from './batch-metrics.ts';
import type { BatchPruner } from './batch-pruner.ts';
import type { BatchQueue } from './batch-queue.ts';
import { readBacklog } from './batch-records.ts';
import type { ChunkProcessing } from './chunk-processing.ts';
import type { FinishingQueue } from './finishing-queue.ts';
import type { JobQueue } from './job-queue.ts';
import type { ListingQueue } from './listing-queue.ts';
import { inTransaction, sqlOf } from './sql.ts';
import type { WebhookDeliveries } from './webhooks/webhook-deliveries.ts';
import { readWebhookBacklog } from './webhooks/webhook-records.ts';

const RETRY_EVERY_MS = 5000;
const MAINTAIN_EVERY_MS = 15_000;

/** Takes chunks and webhooks from their queues while the process runs. */
export class BatchWorker {
  readonly #logger = new Logger('Batches');
  readonly #database: Database;
  readonly #queue: BatchQueue;
  readonly #feeder: BatchFeeder;
  readonly #chunks: ChunkProcessing;
  readonly #listings: ListingQueue;
  readonly #listing: BatchListing;
  readonly #finishings: FinishingQueue;
  readonly #finishing: BatchFinishing;
  readonly #pruner: BatchPruner;
  readonly #webhooks: WebhookDeliveries;
  readonly #showBacklog: (backlog: BatchBacklog) => void;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(parts: {
    readonly database: Database;
    readonly queue: BatchQueue;
    readonly listings: ListingQueue;
    readonly feeder: BatchFeeder;
    readonly chunks: ChunkProcessing;
    readonly listing: BatchListing;
    readonly finishings: FinishingQueue;
    readonly finishing: BatchFinishing;
    readonly pruner: BatchPruner;
    readonly webhooks: WebhookDeliveries;
    readonly showBacklog: (backlog: BatchBacklog) => void;
  }) {
    this.#database = parts.database;
    this.#queue = parts.queue;
    this.#listings = parts.listings;
    this.#feeder = parts.feeder;
    this.#chunks = parts.chunks;
    this.#listing = parts.listing;
    this.#finishings = parts.finishings;
    this.#finishing = parts.finishing;
    this.#pruner = parts.pruner;
    this.#webhooks = parts.webhooks;
    this.#showBacklog = parts.showBacklog;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Running items are finished. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#chunks.stop();
    this.#listing.stop();
    await this.#webhooks.stop();
    await this.#listings.stopWork();
    await this.#finishings.stopWork();
    await this.#queue.stopWork();
    await this.#running;
  }

  async #run(): Promise<void> {
    await this.#untilDone('Batches cannot be processed yet', () =>
      this.#queue.work((chunkId) => this.#chunks.process(chunkId)),
    );
    await this.#untilDone('Sources cannot be listed yet', () =>
      this.#listings.work((batchId) =>
        this.#logged('The source of a batch could not be listed', () => this.#listing.process(batchId)),
      ),
    );
    await this.#untilDone('Manifests cannot be written yet', () =>
      this.#finishings.work((batchId) =>
        this.#logged('The manifest of a batch could not be written', () => this.#finishing.process(batchId)),
      ),
    );
    await this.#untilDone('Webhooks cannot be sent yet', () => this.#webhooks.start());
    while (!this.#isStopping) {
      await this.#attempt('The queue of batches could not be checked', () => this.mend());
      await this.#attempt('The queue of webhooks could not be checked', () => this.#webhooks.mend());
      await this.#attempt('Old batches could not be deleted', async () => {
        await this.#pruner.prune();
      });
      await this.#attempt('The backlog of batches could not be read', async () => {
        const sql = sqlOf(await this.#database.ready());
        this.#showBacklog({ ...(await readBacklog(sql)), webhooks: await readWebhookBacklog(sql) });
      });
      await this.#wait(MAINTAIN_EVERY_MS);
    }
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #untilDone(failure: string, work: () => Promise<void>): Promise<void> {
    while (!(await this.#attempt(failure, work))) await this.#wait(RETRY_EVERY_MS);
  }

  /** @returns false if it failed and is to be tried again */
  async #attempt(failure: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (this.#isStopping) return true;
      this.#logger.warn({ err: error }, `${failure}; trying again`);
      return false;
    }
  }

  /** The queue tries it again. @throws the error of the work */
  async #logged(failure: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#isStopping) this.#logger.warn({ err: error }, `${failure}; trying again`);
      throw error;
    }
  }

  /** Ends at once when the process stops. */
  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  /** Queues again what the queue has lost, such as after its tables were restored or deleted. */
  async mend(): Promise<void> {
    const dataSource = await this.#database.ready();
    await this.#mendBatches(dataSource, 'listing', this.#listings);
    await this.#mendBatches(dataSource, 'finishing', this.#finishings);
    await this.#mendChunks(dataSource);
  }

  async #mendBatches(dataSource: DataSource, state: BatchState, queue: JobQueue): Promise<void> {
    const sql = sqlOf(dataSource);
    const { rows } = await sql.query<{ id: string }>(`SELECT id FROM batches WHERE state = $1`, [state]);
    for (const { id } of rows) if (!(await queue.has(id))) await queue.add(sql, id);
  }

  async #mendChunks(dataSource: DataSource): Promise<void> {
    const { rows } = await sqlOf(dataSource).query<{
      id: string;
      batchId: string;
      apiKeyName: string | null;
      first: number;
    }>(
      `SELECT id, batch_id AS "batchId", api_key_name AS "apiKeyName", first_position AS first FROM batch_chunks
       WHERE created_at < now() - interval '1 minute'`,
    );
    for (const { id, batchId, apiKeyName, first } of rows) {
      if (await this.#queue.has(id)) continue;
      await inTransaction(dataSource, async (sql) => {
        const { rowCount } = await sql.query(`DELETE FROM batch_chunks WHERE id = $1`, [id]);
        if (rowCount === 0) return;
        await sql.query(`UPDATE batches SET next_position = least(next_position, $2) WHERE id = $1`, [batchId, first]);
        await this.#feeder.feed(sql, apiKeyName);
      });
    }
  }
}

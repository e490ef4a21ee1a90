import {
  type BeforeApplicationShutdown,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { batchConcurrencyOf, Configuration } from '../config/configuration.ts';
import { DetectionModule } from '../detection/detection.module.ts';
import { DetectionService } from '../detection/detection.service.ts';
import { ImageFetcher } from '../fetching/image-fetcher.ts';
import { ImageProcessing } from '../inference/image-processing.ts';
import { InferenceModule } from '../inference/inference.module.ts';
import { MaskingModule } from '../masking/masking.module.ts';
import { MaskingService } from '../masking/masking.service.ts';
import { Metrics } from '../metrics/metrics.ts';
import { ObjectStore } from '../storage/objects/object-store.ts';
import { Database } from '../storage/records/database.ts';
import { BatchFeeder } from './batch-feeder.ts';
import { BatchMetrics } from './batch-metrics.ts';
import { BatchPruner } from './batch-pruner.ts';
import { BatchQueue } from './batch-queue.ts';
import { BatchWorker } from './batch-worker.ts';
import { Batches } from './batches.ts';
import { ChunkProcessing } from './chunk-processing.ts';
import { ItemProcessing } from './item-processing.ts';
import { StoredBatches } from './stored-batches.ts';

const HOUR_MS = 3_600_000;

/** Whether this process works on batches, or only receives and shows them. */
function worksOnBatches({ server }: Configuration): boolean {
  return server.role === 'worker' || server.role === 'all';
}

/** Storage is on: batches are received, and processed if that is part of the role. */
@Module({
  imports: [InferenceModule, DetectionModule, MaskingModule],
  providers: [
    {
      provide: BatchQueue,
      inject: [Database, Configuration],
      useFactory: (database: Database, configuration: Configuration) =>
        new BatchQueue(database, worksOnBatches(configuration)),
    },
    { provide: BatchFeeder, inject: [BatchQueue], useFactory: (queue: BatchQueue) => new BatchFeeder(queue) },
    {
      provide: Batches,
      inject: [Database, ObjectStore, BatchFeeder, Configuration],
      useFactory: (database: Database, objects: ObjectStore, feeder: BatchFeeder, { batches }: Configuration) =>
        new StoredBatches(database, objects, feeder, batches),
    },
    {
      provide: ItemProcessing,
      inject: [ImageProcessing, MaskingService, DetectionService, ObjectStore, ImageFetcher],
      useFactory: (
        images: ImageProcessing,
        masking: MaskingService,
        detection: DetectionService,
        objects: ObjectStore,
        fetcher: ImageFetcher,
      ) => new ItemProcessing(images, masking, detection, objects, fetcher),
    },
    {
      provide: BatchWorker,
      inject: [Database, ObjectStore, ItemProcessing, BatchQueue, BatchFeeder, Configuration, Metrics],
      useFactory: (
        database: Database,
        objects: ObjectStore,
        items: ItemProcessing,
        queue: BatchQueue,
        feeder: BatchFeeder,
        configuration: Configuration,
        metrics: Metrics,
      ) => {
        const events = new BatchMetrics(metrics);
        const chunks = new ChunkProcessing(
          { database, objects, items, feeder, events },
          { concurrency: batchConcurrencyOf(configuration), timeoutMs: configuration.limits.requestTimeoutMs },
        );
        const { retentionHours, uploadTimeoutMs } = configuration.batches;
        const pruner = new BatchPruner(database, objects, retentionHours * HOUR_MS, uploadTimeoutMs);
        return new BatchWorker(database, queue, feeder, chunks, pruner, (backlog) => {
          events.showBacklog(backlog);
        });
      },
    },
  ],
  exports: [Batches],
})
export class JobsOnModule implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  constructor(
    private readonly queue: BatchQueue,
    private readonly worker: BatchWorker,
    private readonly configuration: Configuration,
  ) {}

  onApplicationBootstrap(): void {
    if (worksOnBatches(this.configuration)) this.worker.start();
  }

  /** While the pool still runs and the database is still connected. */
  async onModuleDestroy(): Promise<void> {
    await this.worker.stop();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.queue.stop();
  }
}

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
import { Tracing } from '../tracing/tracing.ts';
import { BatchEnds } from './batch-ends.ts';
import { BatchFeeder } from './batch-feeder.ts';
import { BatchFinishing } from './batch-finishing.ts';
import { BatchListing } from './batch-listing.ts';
import { type BatchBacklog, BatchMetrics } from './batch-metrics.ts';
import { BatchPruner } from './batch-pruner.ts';
import { BatchQueue } from './batch-queue.ts';
import { BatchWorker } from './batch-worker.ts';
import { Batches } from './batches.ts';
import { Boss } from './boss.ts';
import { ChunkProcessing } from './chunk-processing.ts';
import { ItemProcessing } from './item-processing.ts';
import { ListingQueue } from './listing-queue.ts';
import { S3Output } from './results/s3-output.ts';
import { S3Source } from './sources/s3-source.ts';
import { StoredBatches } from './stored-batches.ts';
import { WebhookDeliveries } from './webhooks/webhook-deliveries.ts';
import { WebhookGuard } from './webhooks/webhook-guard.ts';
import { WebhookModule } from './webhooks/webhook.module.ts';
import { readWebhookSecret } from './webhooks/webhook-secret.ts';
import { WebhookSender } from './webhooks/webhook-sender.ts';

const HOUR_MS = 3_600_000;

/** Whether this process works on batches, or only receives and shows them. */
function worksOnBatches({ server }: Configuration): boolean {
  return server.role === 'worker' || server.role === 'all';
}

/** Storage is on: batches are received, and processed if that is part of the role. */
@Module({
  imports: [InferenceModule, DetectionModule, MaskingModule, WebhookModule],
  providers: [
    {
      provide: Boss,
      inject: [Database, Configuration],
      useFactory: (database: Database, configuration: Configuration) =>
        new Boss(database, worksOnBatches(configuration)),
    },
    { provide: BatchQueue, inject: [Boss], useFactory: (boss: Boss) => new BatchQueue(boss) },
    { provide: ListingQueue, inject: [Boss], useFactory: (boss: Boss) => new ListingQueue(boss) },
    { provide: BatchEnds, inject: [Boss], useFactory: (boss: Boss) => new BatchEnds(boss) },
    { provide: BatchFeeder, inject: [BatchQueue], useFactory: (queue: BatchQueue) => new BatchFeeder(queue) },
    {
      provide: S3Source,
      inject: [Configuration],
      useFactory: (configuration: Configuration) => S3Source.open(configuration),
    },
    {
      provide: S3Output,
      inject: [Configuration],
      useFactory: (configuration: Configuration) => S3Output.open(configuration),
    },
    {
      provide: Batches,
      inject: [Database, ObjectStore, BatchFeeder, BatchEnds, ListingQueue, S3Source, S3Output, Configuration],
      useFactory: (
        database: Database,
        objects: ObjectStore,
        feeder: BatchFeeder,
        ends: BatchEnds,
        listings: ListingQueue,
        source: S3Source,
        output: S3Output,
        { batches: limits }: Configuration,
      ) => new StoredBatches(database, objects, feeder, { ends, listings, source, output, limits }),
    },
    {
      provide: ItemProcessing,
      inject: [
        ImageProcessing,
        MaskingService,
        DetectionService,
        ObjectStore,
        ImageFetcher,
        Tracing,
        S3Source,
        S3Output,
      ],
      useFactory: (
        images: ImageProcessing,
        masking: MaskingService,
        detection: DetectionService,
        objects: ObjectStore,
        fetcher: ImageFetcher,
        tracing: Tracing,
        source: S3Source,
        output: S3Output,
      ) => new ItemProcessing(images, masking, detection, objects, fetcher, tracing, source, output),
    },
    {
      provide: BatchWorker,
      inject: [
        Database,
        ObjectStore,
        ItemProcessing,
        BatchQueue,
        ListingQueue,
        BatchFeeder,
        BatchEnds,
        WebhookGuard,
        S3Source,
        S3Output,
        Configuration,
        Metrics,
      ],
      useFactory: (
        database: Database,
        objects: ObjectStore,
        items: ItemProcessing,
        queue: BatchQueue,
        listings: ListingQueue,
        feeder: BatchFeeder,
        ends: BatchEnds,
        guard: WebhookGuard,
        source: S3Source,
        output: S3Output,
        configuration: Configuration,
        metrics: Metrics,
      ) => {
        const events = new BatchMetrics(metrics);
        const chunks = new ChunkProcessing(
          { database, objects, items, feeder, ends, events },
          { concurrency: batchConcurrencyOf(configuration), timeoutMs: configuration.limits.requestTimeoutMs },
        );
        const { retentionHours, uploadTimeoutMs, maxItems } = configuration.batches;
        const listing = new BatchListing({ database, feeder, ends, source }, maxItems);
        const finishing = new BatchFinishing({ database, ends, output });
        const pruner = new BatchPruner(database, objects, retentionHours * HOUR_MS, uploadTimeoutMs);
        const readSecret = () => readWebhookSecret(configuration);
        const sender = new WebhookSender(guard, readSecret, configuration.webhooks.timeoutMs);
        const webhooks = new WebhookDeliveries(database, ends.webhooks, sender, events);
        const showBacklog = (backlog: BatchBacklog) => {
          events.showBacklog(backlog);
        };
        const { finishings } = ends;
        return new BatchWorker({
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
      },
    },
  ],
  exports: [Batches],
})
export class JobsOnModule implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  constructor(
    private readonly boss: Boss,
    private readonly worker: BatchWorker,
    private readonly source: S3Source,
    private readonly output: S3Output,
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
    await this.boss.stop();
    this.source.close();
    this.output.close();
  }
}

import { join } from 'node:path';
import { Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { Tracing } from '../tracing/tracing.ts';
import { Archive } from './archive.ts';
import { Eraser } from './maintenance/eraser.ts';
import { Pruner } from './maintenance/pruner.ts';
import { Reconciler } from './maintenance/reconciler.ts';
import { AssetUrls } from './objects/asset-urls.ts';
import { ObjectStore } from './objects/object-store.ts';
import { openObjects } from './objects/open-objects.ts';
import { Persistence, PERSISTENCE_DEFAULTS } from './persistence.ts';
import { Database } from './records/database.ts';
import { RecordsModule } from './records/records.module.ts';
import { ReviewArchive } from './review-archive.ts';
import { Spool } from './spool/spool.ts';
import { StorageMetrics } from './storage-metrics.ts';
import { VersionArchive } from './version-archive.ts';

const logger = new Logger('Storage');

/** The parts of storage, not running: the service starts them, the command line calls them. */
@Module({
  imports: [RecordsModule],
  providers: [
    StorageMetrics,
    {
      provide: AssetUrls,
      inject: [Configuration],
      useFactory: ({ storage }: Configuration) => AssetUrls.open(storage.dataFolder),
    },
    { provide: ObjectStore, inject: [Configuration, AssetUrls], useFactory: openObjects },
    {
      provide: Spool,
      inject: [Configuration, StorageMetrics],
      useFactory: async ({ storage }: Configuration, metrics: StorageMetrics) => {
        const spool = await Spool.open({
          folder: join(storage.dataFolder, 'spool'),
          maxBytes: storage.spoolMaxBytes,
          fullPolicy: storage.spoolFullPolicy,
          fsync: storage.spoolFsync,
          onLost: (jobId) => {
            metrics.countLoss('spool_full');
            logger.error({ jobId }, 'Job lost: the spool is full, and this job was the oldest in it');
          },
          onDamaged: (file, reason) => {
            metrics.countLoss('damaged');
            logger.error({ file, reason }, 'Job lost: its spool file is damaged and was moved aside');
          },
        });
        metrics.watchSpool(spool, storage.spoolMaxBytes);
        return spool;
      },
    },
    Archive,
    {
      provide: Persistence,
      inject: [Spool, Archive, StorageMetrics, Tracing],
      useFactory: (spool: Spool, archive: Archive, metrics: StorageMetrics, tracing: Tracing) =>
        new Persistence(
          spool,
          archive,
          {
            tried: ({ id, trace }, start, end, error) => {
              if (!trace) return;
              tracing.addLater(trace, { name: 'persist', start, end, error, attributes: { 'face_api.job_id': id } });
            },
            stored: () => {
              metrics.stored.inc();
            },
            failed: (jobId, attempt, retryInMs, error) => {
              metrics.retries.inc();
              logger.warn({ err: error, jobId, attempt, retryInMs }, 'A job could not be stored yet; retrying');
            },
          },
          PERSISTENCE_DEFAULTS,
        ),
    },
    VersionArchive,
    ReviewArchive,
    Eraser,
    Pruner,
    {
      provide: Reconciler,
      inject: [Database, ObjectStore, Spool, Persistence],
      useFactory: (database: Database, objects: ObjectStore, spool: Spool, persistence: Persistence) =>
        new Reconciler(database, objects, spool, () => {
          persistence.retryNow();
        }),
    },
  ],
  exports: [
    RecordsModule,
    StorageMetrics,
    AssetUrls,
    ObjectStore,
    Spool,
    Persistence,
    VersionArchive,
    ReviewArchive,
    Eraser,
    Pruner,
    Reconciler,
  ],
})
export class StoragePartsModule implements OnApplicationShutdown {
  constructor(private readonly objects: ObjectStore) {}

  async onApplicationShutdown(): Promise<void> {
    await this.objects.close();
  }
}

import { Logger, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { Configuration } from '../config/configuration.ts';
import { Metrics } from '../metrics/metrics.ts';
import { Tracing } from '../tracing/tracing.ts';
import { Archive } from './archive.ts';
import { AssetsController } from './assets.controller.ts';
import { JobRecorder } from './job-recorder.ts';
import { KeptStorage } from './kept-storage.ts';
import { Eraser } from './maintenance/eraser.ts';
import { Pruner } from './maintenance/pruner.ts';
import { Reconciler } from './maintenance/reconciler.ts';
import { MaintenanceSchedule } from './maintenance/schedule.ts';
import { AssetUrls } from './objects/asset-urls.ts';
import { ObjectStore } from './objects/object-store.ts';
import { openAssetUrls, openDatabase, openObjects, openSpool } from './open-storage.ts';
import { Persistence, PERSISTENCE_DEFAULTS } from './persistence.ts';
import { AuditRecords } from './records/audit-records.ts';
import { Database } from './records/database.ts';
import { Listing } from './records/listing.ts';
import { TrafficRecords } from './records/traffic-records.ts';
import { Spool } from './spool/spool.ts';
import { SpoolingRecorder } from './spooling-recorder.ts';
import { StorageLifecycle } from './storage-lifecycle.ts';
import { StorageMetrics } from './storage-metrics.ts';

const logger = new Logger('Storage');

/** Storage that is on. Its classes know nothing of Nest, so that the command line uses the same ones. */
@Module({
  imports: [ScheduleModule.forRoot()],
  controllers: [AssetsController],
  providers: [
    StorageLifecycle,
    MaintenanceSchedule,
    { provide: StorageMetrics, inject: [Metrics], useFactory: (metrics: Metrics) => new StorageMetrics(metrics) },
    { provide: Database, inject: [Configuration], useFactory: (all: Configuration) => openDatabase(all, logger) },
    { provide: AssetUrls, inject: [Configuration], useFactory: openAssetUrls },
    { provide: ObjectStore, inject: [Configuration, AssetUrls], useFactory: openObjects },
    {
      provide: Spool,
      inject: [Configuration, StorageMetrics],
      useFactory: async (all: Configuration, metrics: StorageMetrics) => {
        const spool = await openSpool(
          all,
          (jobId) => {
            metrics.countLoss('spool_full');
            logger.error({ jobId }, 'A job is lost: the spool is full, and it was the oldest in it');
          },
          (file, reason) => {
            metrics.countLoss('damaged');
            logger.error({ file, reason }, 'A job is lost: its file in the spool is damaged, and was put aside');
          },
        );
        metrics.watchSpool(spool, all.storage.spoolMaxBytes);
        return spool;
      },
    },
    {
      provide: Archive,
      inject: [Database, ObjectStore],
      useFactory: (database: Database, objects: ObjectStore) => new Archive(database, objects),
    },
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
              logger.warn(
                { err: error, jobId, attempt, retryInMs },
                'A job could not be stored yet; it is tried again',
              );
            },
          },
          PERSISTENCE_DEFAULTS,
        ),
    },
    {
      provide: JobRecorder,
      inject: [Configuration, Spool, Persistence, Database, ObjectStore, StorageMetrics],
      useFactory: (
        { storage }: Configuration,
        spool: Spool,
        persistence: Persistence,
        database: Database,
        objects: ObjectStore,
        metrics: StorageMetrics,
      ) =>
        new SpoolingRecorder({
          spool,
          persistence,
          database,
          objects,
          metrics,
          log: logger,
          fullPolicy: storage.spoolFullPolicy,
        }),
    },
    { provide: Listing, inject: [Database], useFactory: (database: Database) => new Listing(database) },
    { provide: TrafficRecords, inject: [Database], useFactory: (database: Database) => new TrafficRecords(database) },
    { provide: AuditRecords, inject: [Database], useFactory: (database: Database) => new AuditRecords(database) },
    {
      provide: Eraser,
      inject: [Database, ObjectStore, Spool],
      useFactory: (database: Database, objects: ObjectStore, spool: Spool) => new Eraser(database, objects, spool),
    },
    {
      provide: Pruner,
      inject: [Database, ObjectStore, Spool],
      useFactory: (database: Database, objects: ObjectStore, spool: Spool) => new Pruner(database, objects, spool),
    },
    {
      provide: Reconciler,
      inject: [Database, ObjectStore, Spool, Persistence],
      useFactory: (database: Database, objects: ObjectStore, spool: Spool, persistence: Persistence) =>
        new Reconciler(database, objects, spool, () => {
          persistence.retryNow();
        }),
    },
    {
      provide: KeptStorage,
      inject: [Listing, Eraser, Reconciler, ObjectStore, Database, Spool, TrafficRecords, AuditRecords],
      useFactory: (
        listing: Listing,
        eraser: Eraser,
        reconciler: Reconciler,
        objects: ObjectStore,
        database: Database,
        spool: Spool,
        traffic: TrafficRecords,
        audit: AuditRecords,
      ): KeptStorage => ({ listing, eraser, reconciler, objects, database, spool, traffic, audit }),
    },
  ],
  exports: [JobRecorder, KeptStorage],
})
export class KeptStorageModule {}

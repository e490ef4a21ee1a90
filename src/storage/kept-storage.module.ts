import { Logger, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { Configuration } from '../config/configuration.ts';
import { AssetsController } from './assets.controller.ts';
import { JobRecorder } from './job-recorder.ts';
import { KeptStorage } from './kept-storage.ts';
import { Eraser } from './maintenance/eraser.ts';
import { Reconciler } from './maintenance/reconciler.ts';
import { MaintenanceSchedule } from './maintenance/schedule.ts';
import { ObjectStore } from './objects/object-store.ts';
import { Persistence } from './persistence.ts';
import { AuditRecords } from './records/audit-records.ts';
import { Database } from './records/database.ts';
import { Listing } from './records/listing.ts';
import { TrafficRecords } from './records/traffic-records.ts';
import { Spool } from './spool/spool.ts';
import { SpoolingRecorder } from './spooling-recorder.ts';
import { StorageLifecycle } from './storage-lifecycle.ts';
import { StorageMetrics } from './storage-metrics.ts';
import { StoragePartsModule } from './storage-parts.module.ts';

/** Storage that is on. */
@Module({
  imports: [ScheduleModule.forRoot(), StoragePartsModule],
  controllers: [AssetsController],
  providers: [
    StorageLifecycle,
    MaintenanceSchedule,
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
          log: new Logger('Storage'),
          fullPolicy: storage.spoolFullPolicy,
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

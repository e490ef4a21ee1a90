import { Logger, Module, type OnApplicationShutdown, type OnModuleInit, type Provider } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { AssetsController } from './assets.controller.ts';
import { JobRecorder } from './job-recorder.ts';
import { Eraser } from './maintenance/eraser.ts';
import { Reconciler } from './maintenance/reconciler.ts';
import { MaintenanceSchedule } from './maintenance/schedule.ts';
import { Persistence } from './persistence.ts';
import { AuditRecords } from './records/audit-records.ts';
import { Database } from './records/database.ts';
import { DatabaseSessionStore } from './records/database-session-store.ts';
import { EmbeddedPostgresError } from './records/embedded-postgres-error.ts';
import { Listing } from './records/listing.ts';
import { ReplayRecords } from './records/replay-records.ts';
import { ReportRecords } from './records/report-records.ts';
import { ReviewListing } from './records/review-listing.ts';
import { TrafficRecords } from './records/traffic-records.ts';
import { Replays } from './replays.ts';
import { SessionStore } from './session-store.ts';
import { Spool } from './spool/spool.ts';
import { SpooledJobs } from './spooled-jobs.ts';
import { SpoolingRecorder } from './spooling-recorder.ts';
import { StoragePartsModule } from './storage-parts.module.ts';
import { ReviewArchive } from './review-archive.ts';
import {
  AuditLog,
  ImageEraser,
  JobLookup,
  ReviewWork,
  SharedTraffic,
  StorageRepair,
  StoredRecords,
  StoredReports,
  StoredReviews,
  StoredVersions,
} from './stored.ts';
import { VersionArchive } from './version-archive.ts';

const parts: Provider[] = [
  { provide: JobRecorder, useClass: SpoolingRecorder },
  { provide: SessionStore, useExisting: DatabaseSessionStore },
  { provide: Replays, useExisting: ReplayRecords },
  { provide: StoredRecords, useExisting: Listing },
  { provide: StoredVersions, useExisting: VersionArchive },
  { provide: JobLookup, useClass: SpooledJobs },
  { provide: StoredReviews, useExisting: ReviewListing },
  { provide: ReviewWork, useExisting: ReviewArchive },
  { provide: StoredReports, useExisting: ReportRecords },
  { provide: SharedTraffic, useExisting: TrafficRecords },
  { provide: AuditLog, useExisting: AuditRecords },
  { provide: ImageEraser, useExisting: Eraser },
  { provide: StorageRepair, useExisting: Reconciler },
];

/** Storage is on: starts with the service and stops in the right order. */
@Module({
  imports: [ScheduleModule.forRoot(), StoragePartsModule],
  controllers: [AssetsController],
  providers: [MaintenanceSchedule, ...parts],
  exports: [StoragePartsModule, ...parts],
})
export class StorageOnModule implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Storage');

  constructor(
    private readonly database: Database,
    private readonly spool: Spool,
    private readonly persistence: Persistence,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.connect();
    this.persistence.start();
  }

  /** After the last response. Jobs that are not stored yet stay in the spool. */
  async onApplicationShutdown(): Promise<void> {
    await this.persistence.stop();
    if (this.spool.files > 0) this.logger.log(`${this.spool.files} jobs remain in the spool until the next start`);
  }

  /** An external database may become available later: until then, jobs wait in the spool. The embedded one must start. */
  private async connect(): Promise<void> {
    try {
      await this.database.ready();
    } catch (error) {
      if (error instanceof EmbeddedPostgresError) throw error;
      this.logger.error({ err: error }, 'The database is unavailable: jobs wait in the spool');
    }
  }
}

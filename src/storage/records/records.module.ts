import { Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Configuration } from '../../config/configuration.ts';
import { AuditRecords } from './audit-records.ts';
import { dataSourceOptions, entities } from './data-source.ts';
import { Database } from './database.ts';
import { DatabaseSessionStore } from './database-session-store.ts';
import { Listing } from './listing.ts';
import { ReplayRecords } from './replay-records.ts';
import { ReportRecords } from './report-records.ts';
import { ReviewListing } from './review-listing.ts';
import { TrafficRecords } from './traffic-records.ts';

const QUERY_TIMEOUT_MS = 60_000;

const logger = new Logger('Storage');

/** The database and its readers and writers */
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [Configuration],
      useFactory: ({ database }: Configuration) => ({
        ...dataSourceOptions(database.url, {
          poolSize: database.poolSize,
          queryTimeoutMs: QUERY_TIMEOUT_MS,
          onPoolError: (error) => {
            logger.warn({ err: error }, 'An idle database connection was closed');
          },
        }),
        // Connected by `Database`: the service starts while its database is unavailable.
        manualInitialization: true,
      }),
    }),
    TypeOrmModule.forFeature(entities),
  ],
  providers: [
    {
      provide: Database,
      inject: [DataSource, Configuration],
      useFactory: (dataSource: DataSource, { storage, database }: Configuration) =>
        new Database(dataSource, database.url, storage.dataFolder),
    },
    Listing,
    ReviewListing,
    TrafficRecords,
    AuditRecords,
    DatabaseSessionStore,
    ReplayRecords,
    ReportRecords,
  ],
  exports: [
    Database,
    Listing,
    ReviewListing,
    TrafficRecords,
    AuditRecords,
    DatabaseSessionStore,
    ReplayRecords,
    ReportRecords,
  ],
})
export class RecordsModule implements OnApplicationShutdown {
  constructor(private readonly database: Database) {}

  /** Before TypeOrmModule closes its connections, so that the embedded server is stopped as well. */
  onApplicationShutdown(): Promise<void> {
    return this.database.close();
  }
}

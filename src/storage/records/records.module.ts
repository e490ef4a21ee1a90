import { Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Configuration } from '../../config/configuration.ts';
import { openDatabase } from '../open-storage.ts';
import { AuditRecords } from './audit-records.ts';
import { Database } from './database.ts';
import { Listing } from './listing.ts';
import { TrafficRecords } from './traffic-records.ts';

const logger = new Logger('Storage');

/** The database, and what reads and writes it alone. */
@Module({
  providers: [
    { provide: Database, inject: [Configuration], useFactory: (all: Configuration) => openDatabase(all, logger) },
    Listing,
    TrafficRecords,
    AuditRecords,
  ],
  exports: [Database, Listing, TrafficRecords, AuditRecords],
})
export class RecordsModule implements OnApplicationShutdown {
  constructor(private readonly database: Database) {}

  onApplicationShutdown(): Promise<void> {
    return this.database.close();
  }
}

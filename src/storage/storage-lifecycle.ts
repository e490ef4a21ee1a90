import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Persistence } from './persistence.ts';
import { Database } from './records/database.ts';
import { EmbeddedPostgresError } from './records/embedded-postgres-error.ts';
import { Spool } from './spool/spool.ts';

/** Starts and stops storage with the service, in the right order. */
@Injectable()
export class StorageLifecycle implements OnModuleInit, OnApplicationShutdown {
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

  /** After the last request has been answered: what is not stored by then stays in the spool. */
  async onApplicationShutdown(): Promise<void> {
    await this.persistence.stop();
    if (this.spool.files > 0) this.logger.log(`${this.spool.files} jobs remain in the spool until the next start`);
  }

  /** A database elsewhere may come later, the spool holds what comes until then. One of our own must start. */
  private async connect(): Promise<void> {
    try {
      await this.database.ready();
    } catch (error) {
      if (error instanceof EmbeddedPostgresError) throw error;
      this.logger.error({ err: error }, 'The database is unavailable: jobs wait in the spool');
    }
  }
}

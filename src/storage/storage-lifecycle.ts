import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ObjectStore } from './objects/object-store.ts';
import { Persistence } from './persistence.ts';
import { Database } from './records/database.ts';
import { EmbeddedPostgresError } from './records/embedded-postgres-error.ts';
import { Spool } from './spool/spool.ts';
import { reasonOf } from './storage-log.ts';

/** Starts and stops storage with the service, in the right order. */
@Injectable()
export class StorageLifecycle implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Storage');

  constructor(
    private readonly database: Database,
    private readonly objects: ObjectStore,
    private readonly spool: Spool,
    private readonly persistence: Persistence,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.connect();
    if (this.spool.files > 0) this.logger.log(`${this.spool.files} jobs in the spool are stored now`);
    this.persistence.start();
  }

  /** After the last request has been answered: what is not stored by then stays in the spool. */
  async onApplicationShutdown(): Promise<void> {
    await this.persistence.stop();
    if (this.spool.files > 0) this.logger.log(`${this.spool.files} jobs stay in the spool until the next start`);
    await this.database.close();
    await this.objects.close();
  }

  /** A database elsewhere may come later, the spool holds what comes until then. One of our own must start. */
  private async connect(): Promise<void> {
    try {
      await this.database.ready();
      this.logger.log(`Images are kept in ${this.objects.place}, their records in ${this.database.place}`);
    } catch (error) {
      if (error instanceof EmbeddedPostgresError) throw error;
      this.logger.error(`${this.database.place} cannot be used yet (${reasonOf(error)}); jobs wait in the spool`);
    }
  }
}

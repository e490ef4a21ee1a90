import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { type AuditRow, auditEntity } from './audit.entity.ts';
import { Database } from './database.ts';

/** Where what was done is recorded. */
@Injectable()
export class AuditRecords {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async add(record: Omit<AuditRow, 'id' | 'createdAt'>): Promise<void> {
    const { manager } = await this.#database.ready();
    await manager.insert(auditEntity, { id: v7(), ...record });
  }
}

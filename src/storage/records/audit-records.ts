import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import { type AuditRow, auditEntity } from './audit.entity.ts';
import { Database } from './database.ts';

type AuditRecord = Omit<AuditRow, 'id' | 'createdAt' | 'place'> & Partial<Pick<AuditRow, 'place'>>;

/** @param rows of the transaction to which the record belongs, if there is one */
export async function recordAudit(rows: EntityManager, record: AuditRecord): Promise<void> {
  await rows.insert(auditEntity, { id: v7(), ...record });
}

/** The audit log */
@Injectable()
export class AuditRecords {
  constructor(private readonly database: Database) {}

  async add(record: AuditRecord): Promise<void> {
    const { manager } = await this.database.ready();
    await recordAudit(manager, record);
  }
}

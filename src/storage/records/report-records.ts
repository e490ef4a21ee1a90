import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { openForReport } from '../open-review.ts';
import { recordAudit } from './audit-records.ts';
import { Database } from './database.ts';
import { lockImageById } from './locks.ts';
import { type ReportRow, reportEntity } from './report.entity.ts';

/** Reports from outside. Each opens the review of its image, and is in the audit log. */
@Injectable()
export class ReportRecords {
  constructor(private readonly database: Database) {}

  /** @returns false if the image was erased in the meantime */
  async add(report: Omit<ReportRow, 'id' | 'createdAt'>): Promise<boolean> {
    const dataSource = await this.database.ready();
    return dataSource.transaction(async (rows) => {
      const { imageId, versionNumber } = report;
      if (!(await lockImageById(rows, imageId))) return false;
      await rows.insert(reportEntity, { ...report, id: v7(), createdAt: new Date() });
      await openForReport(rows, imageId);
      await recordAudit(rows, {
        action: 'report',
        actor: 'public',
        subject: imageId,
        counts: { version: versionNumber },
      });
      return true;
    });
  }

  /** Newest first */
  async list(imageId: string, limit: number): Promise<ReportRow[]> {
    const { manager } = await this.database.ready();
    return manager.find(reportEntity, { where: { imageId }, order: { createdAt: 'DESC', id: 'DESC' }, take: limit });
  }
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { openForVersion } from './open-review.ts';
import { contentTypeOf, versionKey } from './objects/object-keys.ts';
import { ObjectStore } from './objects/object-store.ts';
import type { AuditAction } from './records/audit.entity.ts';
import { recordAudit } from './records/audit-records.ts';
import { Database } from './records/database.ts';
import { imageEntity } from './records/image.entity.ts';
import type { JobRow } from './records/job.entity.ts';
import { latestResult } from './records/latest-result.ts';
import { lockImageById } from './records/locks.ts';
import { type VersionRow, versionEntity } from './records/version.entity.ts';
import { served } from './served-version.ts';

/** A version that is about to be stored, with its image */
export interface MadeVersion {
  readonly row: Omit<VersionRow, 'number' | 'objectKey'>;
  /** Null: the image of the first version is lost. */
  readonly image: Uint8Array | null;
}

/** Stores the versions of masked images. Nothing is ever overwritten. */
@Injectable()
export class VersionArchive {
  constructor(
    private readonly database: Database,
    private readonly objects: ObjectStore,
  ) {}

  /**
   * The image that has this ID, or whose job or first version has it.
   * @param apiKeyName only if this key sent it or corrected it; null: whoever sent it
   * @returns its ID; null if there is none
   */
  async sentImage(id: string, apiKeyName: string | null): Promise<string | null> {
    const dataSource = await this.database.ready();
    const rows: { id: string }[] = await dataSource.query(
      `SELECT image.id FROM images image
       WHERE image.id = coalesce((SELECT image_id FROM jobs WHERE id = $1), (SELECT image_id FROM versions WHERE id = $1), $1)
         AND ($2::text IS NULL
           OR EXISTS (SELECT FROM jobs WHERE image_id = image.id AND api_key_name = $2)
           OR EXISTS (SELECT FROM versions WHERE image_id = image.id AND author = 'key:' || $2))`,
      [id, apiKeyName],
    );
    return rows[0]?.id ?? null;
  }

  /** Newest first; empty: nobody has changed the masks of the image. */
  async list(imageId: string): Promise<VersionRow[]> {
    const { manager } = await this.database.ready();
    return manager.find(versionEntity, { where: { imageId }, order: { number: 'DESC' } });
  }

  async find(id: string): Promise<VersionRow | null> {
    const { manager } = await this.database.ready();
    return manager.findOneBy(versionEntity, { id });
  }

  /** The newest masking of the image whose result and masks are stored */
  async latestResult(imageId: string): Promise<JobRow | null> {
    const { manager } = await this.database.ready();
    return latestResult(manager, imageId);
  }

  /**
   * Stores a version, and before it the first one if there is none yet.
   * @returns null if it is not based on the version that is served now, or if the image was erased
   */
  async add(imageId: string, first: MadeVersion | null, made: MadeVersion): Promise<VersionRow | null> {
    const dataSource = await this.database.ready();
    return dataSource.transaction(async (rows) => {
      if (!(await lockImageById(rows, imageId))) return null;
      const stored = await rows.find(versionEntity, { where: { imageId }, order: { number: 'DESC' } });
      const base = stored.length > 0 ? served(stored) : first?.row;
      if (base?.id !== made.row.basedOn) return null;
      if (stored.length === 0 && first) await this.insert(rows, 1, first);
      const row = await this.insert(rows, (stored[0]?.number ?? 1) + 1, made);
      // It is kept for as long as an image that was uploaded now.
      await rows.update(imageEntity, { id: imageId }, { lastUsedAt: row.createdAt });
      await openForVersion(rows, imageId);
      await record(rows, row, row.uncovers ? 'unmask' : 'edit', row.author!);
      return row;
    });
  }

  /**
   * Approves a version that waits for a second person.
   * @returns null if it does not wait, or if another version has been approved since it was made
   */
  async approve(imageId: string, number: number, actor: string): Promise<VersionRow | null> {
    const dataSource = await this.database.ready();
    return dataSource.transaction(async (rows) => {
      if (!(await lockImageById(rows, imageId))) return null;
      const stored = await rows.find(versionEntity, { where: { imageId }, order: { number: 'DESC' } });
      const waiting = stored.find((row) => row.number === number && row.state === 'pending');
      if (!waiting || served(stored)?.id !== waiting.basedOn) return null;
      const approval = { state: 'approved', approvedBy: actor } as const;
      await rows.update(versionEntity, { id: waiting.id }, approval);
      const row = { ...waiting, ...approval };
      await openForVersion(rows, imageId);
      await record(rows, row, 'approve', actor);
      return row;
    });
  }

  /** The object before the row that names it. */
  private async insert(rows: EntityManager, number: number, { row, image }: MadeVersion): Promise<VersionRow> {
    const key = versionKey(row.id, row.createdAt, row.type);
    if (image) await this.objects.put(key, image, contentTypeOf(key));
    const complete = { ...row, number, objectKey: image && key };
    await rows.insert(versionEntity, complete);
    return complete;
  }
}

async function record(rows: EntityManager, row: VersionRow, action: AuditAction, actor: string): Promise<void> {
  const counts = { version: row.number, masks: row.masks.length, pending: row.state === 'pending' ? 1 : 0 };
  await recordAudit(rows, { action, actor, subject: row.imageId, counts });
}

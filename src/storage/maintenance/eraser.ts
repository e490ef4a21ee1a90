import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import type { ObjectStore } from '../objects/object-store.ts';
import { auditEntity } from '../records/audit.entity.ts';
import type { Database } from '../records/database.ts';
import { imageEntity } from '../records/image.entity.ts';
import { jobEntity } from '../records/job.entity.ts';
import { lockImage } from '../records/locks.ts';
import type { Spool } from '../spool/spool.ts';

export interface Erasure {
  /** Null: the image was still in the spool, and had no row. */
  readonly imageId: string | null;
  readonly jobs: number;
  readonly objects: number;
  readonly spooled: number;
}

/** Erases an image and all that was made of it: its rows, its objects, and its jobs that still wait in the spool. */
export class Eraser {
  readonly #database: Database;
  readonly #objects: ObjectStore;
  readonly #spool: Spool;

  constructor(database: Database, objects: ObjectStore, spool: Spool) {
    this.#database = database;
    this.#objects = objects;
    this.#spool = spool;
  }

  /**
   * Objects go first: if one can't be deleted, the rows stay and say that it is still there; then it is called again.
   * @param id of the image, or of one of its jobs
   * @param actor who wanted it, for the record that it happened
   * @returns null where there is no such image
   */
  async erase(id: string, actor: string, { dryRun = false } = {}): Promise<Erasure | null> {
    const dataSource = await this.#database.ready();
    return dataSource.transaction(async (rows) => {
      const sha256 = await this.#findDigest(rows, id);
      if (sha256 === null) return null;
      // From here on, nobody stores a job of this image: those in the spool will find that they are not wanted.
      await lockImage(rows, sha256);
      const image = await rows.findOneBy(imageEntity, { sha256 });
      const jobs = image ? await rows.findBy(jobEntity, { imageId: image.id }) : [];
      const keys = [image?.objectKey, ...jobs.map(({ resultKey }) => resultKey)].filter(
        (key) => typeof key === 'string',
      );
      const spooled = await this.#spool.findByOriginal(sha256);
      // Someone else erased it while the lock was waited for.
      if (!image && spooled.length === 0) return null;
      const erasure = { imageId: image?.id ?? null, jobs: jobs.length, objects: keys.length, spooled: spooled.length };
      if (dryRun) return erasure;
      for (const jobId of spooled) await this.#spool.remove(jobId);
      for (const key of keys) await this.#objects.delete(key);
      if (image) {
        await rows.delete(jobEntity, { imageId: image.id });
        await rows.delete(imageEntity, { id: image.id });
      }
      await recordErasure(rows, erasure, actor);
      return erasure;
    });
  }

  async #findDigest(rows: EntityManager, id: string): Promise<string | null> {
    const image = await rows.findOneBy(imageEntity, { id });
    if (image) return image.sha256;
    const job = await rows.findOneBy(jobEntity, { id });
    if (job?.imageId) return (await rows.findOneByOrFail(imageEntity, { id: job.imageId })).sha256;
    return (await this.#spool.read(id))?.original?.sha256 ?? null;
  }
}

async function recordErasure(
  rows: EntityManager,
  { imageId, jobs, objects, spooled }: Erasure,
  actor: string,
): Promise<void> {
  await rows.insert(auditEntity, {
    id: v7(),
    action: 'erase',
    actor,
    subject: imageId,
    counts: { jobs, objects, spooled },
  });
}

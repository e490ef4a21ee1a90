import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { objectKeysOf, originalKey } from '../objects/object-keys.ts';
import { ObjectStore } from '../objects/object-store.ts';
import { recordAudit } from '../records/audit-records.ts';
import { Database } from '../records/database.ts';
import { type ImageRow, imageEntity } from '../records/image.entity.ts';
import { jobEntity } from '../records/job.entity.ts';
import { lockImage } from '../records/locks.ts';
import { replayEntity } from '../records/replay.entity.ts';
import { reviewEntity } from '../records/review.entity.ts';
import { versionEntity } from '../records/version.entity.ts';
import { Spool, type SpoolFile } from '../spool/spool.ts';

const CONCURRENCY = 8;
/** The second pass finds nothing, unless the image is uploaded again in the meantime. */
const MAX_PASSES = 5;

export interface Erasure {
  /** Null: the image was still in the spool, and had no row. */
  readonly imageId: string | null;
  readonly jobs: number;
  readonly objects: number;
  readonly spooled: number;
}

/** All data of an image */
interface Found {
  readonly image: ImageRow | null;
  readonly jobs: number;
  /** Keys of objects that exist */
  readonly keys: readonly string[];
  readonly files: readonly SpoolFile[];
}

/** Erases an image with its jobs and results: objects, rows and spool files. */
@Injectable()
export class Eraser {
  constructor(
    private readonly database: Database,
    private readonly objects: ObjectStore,
    private readonly spool: Spool,
  ) {}

  /**
   * When it resolves, a last search has found nothing.
   * @param id of the image, or of one of its jobs
   * @param actor for the audit log
   * @returns null if there is no such image
   */
  async erase(id: string, actor: string, { dryRun = false } = {}): Promise<Erasure | null> {
    const dataSource = await this.database.ready();
    return dataSource.transaction(async (rows) => {
      // The spool first: a job leaves it when its row exists.
      const file = await this.spool.find(id);
      const sha256 = file?.record?.original?.sha256 ?? (await findDigest(rows, id));
      const erasure =
        sha256 === null ? await this.eraseUnreadable(file, dryRun) : await this.eraseImage(rows, sha256, dryRun);
      if (!erasure || dryRun) return erasure;
      const { imageId, ...counts } = erasure;
      await recordAudit(rows, { action: 'erase', actor, subject: imageId, counts });
      return erasure;
    });
  }

  private async eraseImage(rows: EntityManager, sha256: string, dryRun: boolean): Promise<Erasure | null> {
    // From here on, no job of this image is stored: those in the spool are no longer wanted.
    await lockImage(rows, sha256);
    if (!dryRun) await rows.delete(replayEntity, { imageSha256: sha256 });
    const keys = new Set<string>();
    let erasure: Erasure | null = null;
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      const found = await this.findAll(rows, sha256, keys);
      // In the first pass: another process erased it while this one waited for the lock.
      if (isNothing(found)) return erasure;
      erasure = withFound(erasure, found);
      if (dryRun) return erasure;
      await this.remove(rows, found);
    }
    throw new Error('data of the image reappears after each deletion');
  }

  /** A damaged file does not show its image; nothing else has this ID. */
  private async eraseUnreadable(file: SpoolFile | null, dryRun: boolean): Promise<Erasure | null> {
    if (file?.record !== null) return null;
    if (!dryRun) await this.spool.discard([file]);
    return { imageId: null, jobs: 0, objects: 0, spooled: 1 };
  }

  /**
   * Rows and spool files name objects; the object store says which of them exist.
   * @param keys to look for; keys that are found are added, so that the next pass checks them again
   */
  private async findAll(rows: EntityManager, sha256: string, keys: Set<string>): Promise<Found> {
    const image = await rows.findOneBy(imageEntity, { sha256 });
    const jobs = image ? await rows.findBy(jobEntity, { imageId: image.id }) : [];
    const versions = image ? await rows.findBy(versionEntity, { imageId: image.id }) : [];
    const files = await this.spool.findByOriginal(sha256);
    const named = [
      ...(image ? [image.objectKey, originalKey(sha256, image.type)] : []),
      ...jobs.map(({ resultKey }) => resultKey),
      ...versions.map(({ objectKey }) => objectKey),
      ...files.flatMap(({ record }) => (record ? objectKeysOf(record) : [])),
    ];
    for (const key of named) if (key !== null) keys.add(key);
    return { image, jobs: jobs.length, keys: await this.present([...keys]), files };
  }

  private async present(keys: readonly string[]): Promise<string[]> {
    const present: string[] = [];
    for (let start = 0; start < keys.length; start += CONCURRENCY) {
      const some = keys.slice(start, start + CONCURRENCY);
      const held = await Promise.all(some.map((key) => this.objects.holds(key)));
      present.push(...some.filter((_key, at) => held[at]));
    }
    return present;
  }

  /** Objects first: if one cannot be deleted, rows and spool still name it for the next attempt. */
  private async remove(rows: EntityManager, { image, keys, files }: Found): Promise<void> {
    for (const key of keys) await this.objects.delete(key);
    if (image) {
      await rows.delete(jobEntity, { imageId: image.id });
      await rows.delete(reviewEntity, { imageId: image.id });
      await rows.delete(versionEntity, { imageId: image.id });
      await rows.delete(imageEntity, { id: image.id });
    }
    await this.spool.discard(files);
  }
}

async function findDigest(rows: EntityManager, id: string): Promise<string | null> {
  const image = await rows.findOneBy(imageEntity, { id });
  if (image) return image.sha256;
  const job = await rows.findOneBy(jobEntity, { id });
  return job?.imageId ? ((await rows.findOneBy(imageEntity, { id: job.imageId }))?.sha256 ?? null) : null;
}

function isNothing({ image, keys, files }: Found): boolean {
  return !image && keys.length === 0 && files.length === 0;
}

function withFound(erasure: Erasure | null, { image, jobs, keys, files }: Found): Erasure {
  return {
    imageId: erasure?.imageId ?? image?.id ?? null,
    jobs: (erasure?.jobs ?? 0) + jobs,
    objects: (erasure?.objects ?? 0) + keys.length,
    spooled: (erasure?.spooled ?? 0) + files.length,
  };
}

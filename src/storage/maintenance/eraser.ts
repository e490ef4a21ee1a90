import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { objectKeysOf, originalKey } from '../objects/object-keys.ts';
import { ObjectStore } from '../objects/object-store.ts';
import { recordAudit } from '../records/audit-records.ts';
import { Database } from '../records/database.ts';
import { type ImageRow, imageEntity } from '../records/image.entity.ts';
import { jobEntity } from '../records/job.entity.ts';
import { lockImage } from '../records/locks.ts';
import { Spool, type SpoolFile } from '../spool/spool.ts';

const AT_ONCE = 8;
/** The second look finds nothing, unless the image is sent again meanwhile. */
const MOST_LOOKS = 5;

export interface Erasure {
  /** Null: the image was still in the spool, and had no row. */
  readonly imageId: string | null;
  readonly jobs: number;
  readonly objects: number;
  readonly spooled: number;
}

/** What there is of an image. */
interface Found {
  readonly image: ImageRow | null;
  readonly jobs: number;
  /** Keys of objects that are there. */
  readonly keys: readonly string[];
  readonly files: readonly SpoolFile[];
}

/** Erases an image and all that was made of it: its objects, its rows, and its jobs in the spool. */
@Injectable()
export class Eraser {
  constructor(
    private readonly database: Database,
    private readonly objects: ObjectStore,
    private readonly spool: Spool,
  ) {}

  /**
   * When it resolves, it was looked once more, and nothing was found.
   * @param id of the image, or of one of its jobs
   * @param actor who wanted it, for the record that it happened
   * @returns null where there is no such image
   */
  async erase(id: string, actor: string, { dryRun = false } = {}): Promise<Erasure | null> {
    const dataSource = await this.database.ready();
    return dataSource.transaction(async (rows) => {
      // The spool first: a job leaves it once its row is there.
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
    // From here on, nobody stores a job of this image: those in the spool will find that they are not wanted.
    await lockImage(rows, sha256);
    const keys = new Set<string>();
    let erasure: Erasure | null = null;
    for (let looks = 0; looks < MOST_LOOKS; looks++) {
      const found = await this.look(rows, sha256, keys);
      // The first time: someone else erased it while the lock was waited for.
      if (isNothing(found)) return erasure;
      erasure = withFound(erasure, found);
      if (dryRun) return erasure;
      await this.remove(rows, found);
    }
    throw new Error('data of the image reappears after each deletion');
  }

  /** Nobody knows of which image it is; it is all that bears this id. */
  private async eraseUnreadable(file: SpoolFile | null, dryRun: boolean): Promise<Erasure | null> {
    if (file?.record !== null) return null;
    if (!dryRun) await this.spool.discard([file]);
    return { imageId: null, jobs: 0, objects: 0, spooled: 1 };
  }

  /**
   * Rows and the spool say where objects may be; whether they are, the store says.
   * @param keys those to ask for; what is found out is added, so that it is asked for again when all is deleted
   */
  private async look(rows: EntityManager, sha256: string, keys: Set<string>): Promise<Found> {
    const image = await rows.findOneBy(imageEntity, { sha256 });
    const jobs = image ? await rows.findBy(jobEntity, { imageId: image.id }) : [];
    const files = await this.spool.findByOriginal(sha256);
    const named = [
      ...(image ? [image.objectKey, originalKey(sha256, image.type)] : []),
      ...jobs.map(({ resultKey }) => resultKey),
      ...files.flatMap(({ record }) => (record ? objectKeysOf(record) : [])),
    ];
    for (const key of named) if (key !== null) keys.add(key);
    return { image, jobs: jobs.length, keys: await this.present([...keys]), files };
  }

  private async present(keys: readonly string[]): Promise<string[]> {
    const present: string[] = [];
    for (let start = 0; start < keys.length; start += AT_ONCE) {
      const some = keys.slice(start, start + AT_ONCE);
      const held = await Promise.all(some.map((key) => this.objects.holds(key)));
      present.push(...some.filter((_key, at) => held[at]));
    }
    return present;
  }

  /** Objects go first: if one can't be deleted, the rows and the spool still say where it is; then it is called again. */
  private async remove(rows: EntityManager, { image, keys, files }: Found): Promise<void> {
    for (const key of keys) await this.objects.delete(key);
    if (image) {
      await rows.delete(jobEntity, { imageId: image.id });
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

import { Injectable } from '@nestjs/common';
import { type DataSource, type EntityManager, LessThan } from 'typeorm';
import { ObjectStore } from '../objects/object-store.ts';
import { recordAudit } from '../records/audit-records.ts';
import { Database } from '../records/database.ts';
import { type ImageRow, imageEntity } from '../records/image.entity.ts';
import { jobEntity } from '../records/job.entity.ts';
import { lockImage } from '../records/locks.ts';
import { reviewEntity } from '../records/review.entity.ts';
import { versionEntity } from '../records/version.entity.ts';
import { Spool } from '../spool/spool.ts';

const BATCH = 200;

export interface Pruning {
  readonly jobs: number;
  readonly images: number;
  /** Damaged files of the spool of this data folder. */
  readonly damaged: number;
}

/**
 * Deletes what is older than the retention time: jobs with their results, then images that no job uses any more, and
 * damaged spool files.
 */
@Injectable()
export class Pruner {
  constructor(
    private readonly database: Database,
    private readonly objects: ObjectStore,
    private readonly spool: Spool,
  ) {}

  /** Several instances may prune at the same time: they take different rows. */
  async prune(olderThan: Date, actor: string, { dryRun = false } = {}): Promise<Pruning> {
    const dataSource = await this.database.ready();
    const damaged = await this.spool.damagedBefore(olderThan);
    if (dryRun) return { ...(await count(dataSource, olderThan)), damaged: damaged.length };
    await this.spool.discard(damaged);
    const pruning = {
      jobs: await inBatches(() => this.pruneJobs(dataSource, olderThan)),
      images: await inBatches(() => this.pruneImages(dataSource, olderThan)),
      damaged: damaged.length,
    };
    if (isSome(pruning)) {
      await recordAudit(dataSource.manager, { action: 'prune', actor, subject: null, counts: pruning });
    }
    return pruning;
  }

  /** Objects first: if one cannot be deleted, its row stays for the next time. */
  private pruneJobs(dataSource: DataSource, olderThan: Date): Promise<number> {
    return dataSource.transaction(async (rows) => {
      const jobs = await rows
        .createQueryBuilder(jobEntity, 'job')
        .select(['job.id', 'job.resultKey'])
        .where('job.created_at < :olderThan', { olderThan })
        .orderBy('job.createdAt')
        .limit(BATCH)
        .setLock('pessimistic_write')
        .setOnLocked('skip_locked')
        .getMany();
      for (const { resultKey } of jobs) if (resultKey !== null) await this.objects.delete(resultKey);
      const ids = jobs.map(({ id }) => id);
      if (ids.length > 0) await rows.delete(jobEntity, ids);
      await withdrawReviews(rows, ids);
      return jobs.length;
    });
  }

  private async pruneImages(dataSource: DataSource, olderThan: Date): Promise<number> {
    const images = await unusedImages(dataSource, olderThan).limit(BATCH).getMany();
    let pruned = 0;
    for (const { id, sha256 } of images) {
      pruned += await dataSource.transaction(async (rows) => {
        await lockImage(rows, sha256);
        // It may have been uploaded again, or pruned by another instance, before this process got the lock.
        const image = await rows.findOneBy(imageEntity, { id, lastUsedAt: LessThan(olderThan) });
        if (!image || (await rows.existsBy(jobEntity, { imageId: id }))) return 0;
        const versions = await rows.findBy(versionEntity, { imageId: id });
        const keys = [image.objectKey, ...versions.map(({ objectKey }) => objectKey)];
        for (const key of keys) if (key !== null) await this.objects.delete(key);
        await rows.delete(reviewEntity, { imageId: id });
        await rows.delete(versionEntity, { imageId: id });
        await rows.delete(imageEntity, { id });
        return 1;
      });
    }
    return pruned;
  }
}

/** Images whose newest masking is deleted have no result to look at, unless it was corrected. */
async function withdrawReviews(rows: EntityManager, jobIds: readonly string[]): Promise<void> {
  await rows.query(
    `DELETE FROM reviews WHERE job_id = ANY ($1)
       AND NOT EXISTS (SELECT FROM versions WHERE versions.image_id = reviews.image_id)`,
    [jobIds],
  );
}

async function inBatches(next: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let done = await next(); done > 0; done = await next()) total += done;
  return total;
}

export function isSome({ jobs, images, damaged }: Pruning): boolean {
  return jobs + images + damaged > 0;
}

async function count(dataSource: DataSource, olderThan: Date): Promise<Omit<Pruning, 'damaged'>> {
  return {
    jobs: await dataSource.manager.countBy(jobEntity, { createdAt: LessThan(olderThan) }),
    images: await unusedImages(dataSource, olderThan, olderThan).getCount(),
  };
}

/** @param jobsSince jobs before this do not count as use: they are about to be pruned */
function unusedImages(dataSource: DataSource, olderThan: Date, jobsSince = new Date(0)) {
  return dataSource.manager
    .createQueryBuilder<ImageRow>(imageEntity, 'image')
    .where('image.last_used_at < :olderThan', { olderThan })
    .andWhere('NOT EXISTS (SELECT FROM jobs WHERE image_id = image.id AND created_at >= :jobsSince)', { jobsSince })
    .orderBy('image.lastUsedAt');
}

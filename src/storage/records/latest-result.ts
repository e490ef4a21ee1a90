import type { EntityManager } from 'typeorm';
import { type JobRow, jobEntity } from './job.entity.ts';

/** The newest masking of the image whose result and masks are stored */
export function latestResult(rows: EntityManager, imageId: string): Promise<JobRow | null> {
  return rows
    .createQueryBuilder<JobRow>(jobEntity, 'job')
    .where('job.image_id = :imageId', { imageId })
    .andWhere(`job.kind = 'mask' AND job.status = 'done' AND job.result_key IS NOT NULL AND job.masks IS NOT NULL`)
    .orderBy('job.createdAt', 'DESC')
    .addOrderBy('job.id', 'DESC')
    .limit(1)
    .getOne();
}

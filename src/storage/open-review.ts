import type { EntityManager } from 'typeorm';
import { type Doubts, doubtsOf, scoreOf } from './doubts.ts';
import type { SpooledJob } from './spool/spool-entry.ts';
import { reviewEntity } from './records/review.entity.ts';

/** What opens the review of an image. The image must be locked. */

/** A new masking: its doubts replace those of the one before. Older ones, which are stored later, change nothing. */
export async function openForMasking(rows: EntityManager, job: SpooledJob, imageId: string | null): Promise<void> {
  if (job.kind !== 'mask' || !job.result || !job.masks || imageId === null) return;
  const before = await rows.findOneBy(reviewEntity, { imageId });
  const maskedAt = new Date(job.createdAt);
  if (before && (before.maskedAt > maskedAt || before.jobId === job.id)) return;
  // A report that nobody has dealt with is about the image, not about one masking of it.
  const reported = before?.state === 'approved' ? undefined : before?.doubts.reported;
  const doubts: Doubts = { ...doubtsOf(job), ...(reported !== undefined && { reported }) };
  const review = { imageId, jobId: job.id, maskedAt, state: 'open' as const, doubts, doubt: scoreOf(doubts) };
  await rows.upsert(reviewEntity, review, ['imageId']);
}

/** A new version */
export async function openForVersion(rows: EntityManager, imageId: string): Promise<void> {
  await rows.update(reviewEntity, { imageId }, { state: 'open' });
}

/** A report from outside. It counts from the latest approval. Images whose masks are not stored are not in the queue. */
export async function openForReport(rows: EntityManager, imageId: string): Promise<void> {
  const review = await rows.findOneBy(reviewEntity, { imageId });
  if (!review) return;
  const count = review.state === 'approved' ? 0 : (review.doubts.reported ?? 0);
  const doubts: Doubts = { ...review.doubts, reported: count + 1 };
  await rows.update(reviewEntity, { imageId }, { state: 'open', doubts, doubt: scoreOf(doubts) });
}

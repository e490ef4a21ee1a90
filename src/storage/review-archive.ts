import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import type { RecordedMask } from './job.ts';
import { recordAudit } from './records/audit-records.ts';
import { Database } from './records/database.ts';
import { latestResult } from './records/latest-result.ts';
import { lockImageById } from './records/locks.ts';
import {
  type ClaimRow,
  claimEntity,
  type Decision,
  decisionEntity,
  type ReviewRow,
  reviewEntity,
} from './records/review.entity.ts';
import { type VersionRow, versionEntity } from './records/version.entity.ts';
import { served } from './served-version.ts';

/** Somebody who reviews */
export interface Reviewer {
  /** As in the audit log */
  readonly actor: string;
  /** Differs from that of everyone else, also if all have the same name. */
  readonly holder: string;
}

export interface GivenDecision {
  readonly decision: Decision;
  /** ID of the version that was looked at */
  readonly basedOn: string;
  readonly note: string | null;
  /** Even if somebody else works on the image */
  readonly takeOver: boolean;
  /** How many masks differ between two lists */
  readonly countChanges: (before: readonly RecordedMask[], after: readonly RecordedMask[]) => number;
}

export type Outcome =
  | { readonly outcome: 'done'; readonly review: ReviewRow }
  | { readonly outcome: 'unknown' }
  | { readonly outcome: 'claimed'; readonly claim: ClaimRow }
  /** Another version is served than the one that was looked at; null: none. */
  | { readonly outcome: 'changed'; readonly current: Current | null };

/** The version that is served */
export type Current = Pick<VersionRow, 'id' | 'number' | 'author' | 'masks'>;

/** Stores who works on which image of the queue, and what was decided. */
@Injectable()
export class ReviewArchive {
  constructor(private readonly database: Database) {}

  /**
   * Takes an image for some minutes, or for some more if it is taken already.
   * @returns that of somebody else if there is one and it is not taken over; null: the image is not in the queue
   */
  async claim(
    imageId: string,
    { holder, actor }: Reviewer,
    seconds: number,
    takeOver: boolean,
  ): Promise<ClaimRow | null> {
    const { manager } = await this.database.ready();
    await manager.query(
      `INSERT INTO review_claims AS claim (image_id, holder, actor, since, until)
       SELECT image_id, $2, $3, now(), now() + $4 * interval '1 second' FROM reviews WHERE image_id = $1
       ON CONFLICT (image_id) DO UPDATE SET holder = excluded.holder, actor = excluded.actor, until = excluded.until,
         since = CASE WHEN claim.holder = $2 AND claim.until > now() THEN claim.since ELSE now() END
       WHERE claim.holder = $2 OR claim.until <= now() OR $5`,
      [imageId, holder, actor, seconds, takeOver],
    );
    return activeClaim(manager, imageId);
  }

  /** Nothing happens if somebody else has taken it. */
  async release(imageId: string, { holder }: Reviewer): Promise<void> {
    const { manager } = await this.database.ready();
    await manager.delete(claimEntity, { imageId, holder });
  }

  /** It ends the claim. The same decision on the same version again changes nothing. */
  async decide(imageId: string, reviewer: Reviewer, given: GivenDecision): Promise<Outcome> {
    const dataSource = await this.database.ready();
    return dataSource.transaction(async (rows) => {
      const isKnown = await lockImageById(rows, imageId);
      const review = isKnown ? await rows.findOneBy(reviewEntity, { imageId }) : null;
      if (!review) return { outcome: 'unknown' };
      const claim = await activeClaim(rows, imageId);
      if (claim && claim.holder !== reviewer.holder && !given.takeOver) return { outcome: 'claimed', claim };
      const versions = await rows.find(versionEntity, { where: { imageId }, order: { number: 'DESC' } });
      const current = await servedVersion(rows, imageId, versions);
      if (current?.id !== given.basedOn) return { outcome: 'changed', current };
      if (isSame(review, given)) return { outcome: 'done', review };
      const decided = {
        state: given.decision,
        decidedBy: reviewer.actor,
        decidedAt: new Date(),
        versionId: current.id,
        note: given.note,
      };
      const start = versions.find(({ id }) => id === review.versionId) ?? versions.at(-1) ?? current;
      await rows.insert(decisionEntity, {
        id: v7(),
        imageId,
        decision: given.decision,
        actor: reviewer.actor,
        seconds: secondsOf(claim, reviewer, decided.decidedAt),
        faces: start.masks.length,
        changes: given.countChanges(start.masks, current.masks),
      });
      await rows.update(reviewEntity, { imageId }, decided);
      await rows.delete(claimEntity, { imageId });
      await recordAudit(rows, {
        action: given.decision === 'approved' ? 'approve_image' : 'send_back',
        actor: reviewer.actor,
        subject: imageId,
        counts: { version: current.number },
      });
      return { outcome: 'done', review: { ...review, ...decided } };
    });
  }
}

/** By the clock of the database, which all instances share */
function activeClaim(rows: EntityManager, imageId: string): Promise<ClaimRow | null> {
  return rows
    .createQueryBuilder<ClaimRow>(claimEntity, 'claim')
    .where('claim.image_id = :imageId AND claim.until > now()', { imageId })
    .getOne();
}

async function servedVersion(
  rows: EntityManager,
  imageId: string,
  versions: readonly VersionRow[],
): Promise<Current | null> {
  if (versions.length > 0) return served(versions) ?? null;
  const job = await latestResult(rows, imageId);
  return job && { id: job.id, number: 1, author: null, masks: job.masks! };
}

function isSame({ state, versionId, note }: ReviewRow, given: GivenDecision): boolean {
  return state === given.decision && versionId === given.basedOn && note === given.note;
}

function secondsOf(claim: ClaimRow | null, { holder }: Reviewer, decidedAt: Date): number | null {
  if (claim?.holder !== holder) return null;
  return Math.max(0, (decidedAt.getTime() - claim.since.getTime()) / 1000);
}

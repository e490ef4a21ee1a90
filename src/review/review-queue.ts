import { Injectable } from '@nestjs/common';
import { DomainError } from '../errors/domain-error.ts';
import type { ListedReview } from '../storage/records/review-listing.ts';
import type { ClaimRow, Decision } from '../storage/records/review.entity.ts';
import type { Current, Reviewer } from '../storage/review-archive.ts';
import { ReviewWork, StoredReviews } from '../storage/stored.ts';
import { countOthers } from './mask-lists.ts';

/** An open page renews its claim every minute; a closed one keeps others waiting for no longer than this. */
const CLAIM_SECONDS = 300;

/** What a reviewer decides about the version of an image that is served */
export interface Judgment {
  readonly decision: Decision;
  readonly basedOn: string;
  readonly note: string | null;
  readonly takeOver: boolean;
}

/** Masked images that somebody has to look at: who works on which, and what they decide. */
@Injectable()
export class ReviewQueue {
  constructor(
    private readonly reviews: StoredReviews,
    private readonly work: ReviewWork,
  ) {}

  /**
   * Takes an image for five minutes, or renews this.
   * @throws DomainError not_found, claimed
   */
  async claim(imageId: string, reviewer: Reviewer, takeOver: boolean): Promise<ClaimRow> {
    const claim = await this.work.claim(imageId, reviewer, CLAIM_SECONDS, takeOver);
    if (!claim) throw notInQueue();
    if (claim.holder !== reviewer.holder) throw claimed(claim);
    return claim;
  }

  async release(imageId: string, reviewer: Reviewer): Promise<void> {
    await this.work.release(imageId, reviewer);
  }

  /**
   * Approves an image or sends it back.
   * @throws DomainError not_found, claimed, version_conflict
   */
  async decide(imageId: string, reviewer: Reviewer, judgment: Judgment): Promise<ListedReview> {
    const outcome = await this.work.decide(imageId, reviewer, {
      ...judgment,
      countChanges: (before, after) => countOthers(before, after) + countOthers(after, before),
    });
    if (outcome.outcome === 'unknown') throw notInQueue();
    if (outcome.outcome === 'claimed') throw claimed(outcome.claim);
    if (outcome.outcome === 'changed') throw changed(outcome.current);
    const listed = await this.reviews.find(imageId);
    // It may have been erased since.
    if (!listed) throw notInQueue();
    return listed;
  }
}

export function notInQueue(): DomainError {
  return new DomainError(
    'not_found',
    'This image is not in the queue. It has no masked result whose masks are stored, or it was erased',
  );
}

function claimed({ actor, since, until }: ClaimRow): DomainError {
  return new DomainError(
    'claimed',
    `${actor} has worked on this image since ${since.toISOString()}. Choose another one, or send take_over: true to take it over`,
    { members: { claim: { by: actor, since: since.toISOString(), until: until.toISOString() } } },
  );
}

function changed(current: Current | null): DomainError {
  if (!current) {
    return new DomainError('not_found', 'The masked result of this image is lost. Mask the image again');
  }
  const { id, number, author } = current;
  return new DomainError(
    'version_conflict',
    `Version ${number} is the current one now. Look at it, and send the decision with based_on ${id}`,
    { members: { current_version: { id, number, author: author ?? 'service' } } },
  );
}

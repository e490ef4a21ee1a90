import { REASONS } from '../../storage/doubts.ts';
import type { ListedReview, ReviewFigures } from '../../storage/records/review-listing.ts';
import type { ClaimRow } from '../../storage/records/review.entity.ts';
import { toImageItem } from '../kept/bodies.ts';
import type { ReviewClaim, ReviewFiguresBody, ReviewItem } from './queue-schemas.ts';

export function toReviewItem({ review, image, claim, version }: ListedReview, holder: string): ReviewItem {
  return {
    image: toImageItem(image),
    state: review.state,
    doubt: review.doubt,
    reasons: REASONS.flatMap((reason) => {
      const count = review.doubts[reason];
      return count === undefined ? [] : [{ reason, count }];
    }),
    masked_at: review.maskedAt.toISOString(),
    version: version.number,
    version_id: version.id,
    decided_by: review.decidedBy,
    decided_at: review.decidedAt?.toISOString() ?? null,
    decided_version_id: review.versionId,
    note: review.note,
    claim: claim && toClaim(claim, holder),
  };
}

export function toClaim({ actor, holder, since, until }: ClaimRow, own: string): ReviewClaim {
  return { by: actor, is_mine: holder === own, since: since.toISOString(), until: until.toISOString() };
}

export function toFigures({
  decisions,
  medianSeconds,
  faces,
  changes,
}: Omit<ReviewFigures, 'actor'>): ReviewFiguresBody['all'] {
  return {
    decisions,
    median_seconds: medianSeconds === null ? null : Math.round(medianSeconds * 10) / 10,
    faces,
    changes,
    changes_per_100_faces: faces === 0 ? null : Math.round((changes / faces) * 1000) / 10,
  };
}

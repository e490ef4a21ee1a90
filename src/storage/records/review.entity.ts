import { EntitySchema } from 'typeorm';
import { type Doubts, REASONS } from '../doubts.ts';

/** open: somebody has to look at it; sent_back: its masks must be corrected. */
export const REVIEW_STATES = ['open', 'approved', 'sent_back'] as const;
export type ReviewState = (typeof REVIEW_STATES)[number];
export type Decision = Exclude<ReviewState, 'open'>;

/** A masked image in the queue. */
export interface ReviewRow {
  imageId: string;
  /** The newest masking of the image */
  jobId: string;
  /** Of this job */
  maskedAt: Date;
  state: ReviewState;
  doubts: Doubts;
  /** By which the queue is sorted */
  doubt: number;
  /** The latest decision, also after it was opened again; null: there was none. */
  decidedBy: string | null;
  decidedAt: Date | null;
  /** ID of the version that was decided on */
  versionId: string | null;
  note: string | null;
}

/** Somebody works on an image, until a time at which the page would have renewed it. */
export interface ClaimRow {
  imageId: string;
  /** Identifies a person, or a session if everyone has the same name. */
  holder: string;
  /** As in the audit log */
  actor: string;
  since: Date;
  until: Date;
}

/** For the figures */
export interface DecisionRow {
  id: string;
  imageId: string;
  decision: Decision;
  actor: string;
  /** Since the claim; null: without one, as for several images at once. */
  seconds: number | null;
  /** Masks of the version on which this review started */
  faces: number;
  /** Masks that were added and removed since then */
  changes: number;
  createdAt: Date;
}

export const reviewEntity = new EntitySchema<ReviewRow>({
  name: 'Review',
  tableName: 'reviews',
  columns: {
    imageId: { name: 'image_id', type: 'uuid', primary: true, primaryKeyConstraintName: 'reviews_pkey' },
    jobId: { name: 'job_id', type: 'uuid' },
    maskedAt: { name: 'masked_at', type: 'timestamptz', precision: 3 },
    state: { type: 'text', default: 'open' },
    doubts: { type: 'jsonb' },
    doubt: { type: 'integer' },
    decidedBy: { name: 'decided_by', type: 'text', nullable: true },
    decidedAt: { name: 'decided_at', type: 'timestamptz', precision: 3, nullable: true },
    versionId: { name: 'version_id', type: 'uuid', nullable: true },
    note: { type: 'text', nullable: true },
  },
  foreignKeys: [
    { name: 'reviews_image_id_fkey', target: 'Image', columnNames: ['imageId'], referencedColumnNames: ['id'] },
  ],
  checks: [
    { name: 'reviews_state', expression: `state = ANY (ARRAY['open'::text, 'approved'::text, 'sent_back'::text])` },
  ],
  // As for jobs: each filter has its own index in the order of the pages.
  indices: [
    { name: 'reviews_doubt', columns: ['state', 'doubt', 'imageId'] },
    ...REASONS.map((reason) => ({
      name: `reviews_${reason}`,
      columns: ['state', 'doubt', 'imageId'],
      where: `doubts ? '${reason}'`,
    })),
    { name: 'reviews_masked', columns: ['state', 'maskedAt', 'imageId'] },
    { name: 'reviews_job', columns: ['jobId'] },
  ],
});

const ofReview = (name: string) => ({
  name,
  target: 'Review',
  columnNames: ['imageId'],
  referencedColumnNames: ['imageId'],
  onDelete: 'CASCADE' as const,
});

export const claimEntity = new EntitySchema<ClaimRow>({
  name: 'ReviewClaim',
  tableName: 'review_claims',
  columns: {
    imageId: { name: 'image_id', type: 'uuid', primary: true, primaryKeyConstraintName: 'review_claims_pkey' },
    holder: { type: 'text' },
    actor: { type: 'text' },
    since: { type: 'timestamptz', precision: 3 },
    until: { type: 'timestamptz', precision: 3 },
  },
  foreignKeys: [ofReview('review_claims_image_id_fkey')],
  indices: [{ name: 'review_claims_holder', columns: ['holder'] }],
});

export const decisionEntity = new EntitySchema<DecisionRow>({
  name: 'ReviewDecision',
  tableName: 'review_decisions',
  columns: {
    id: { type: 'uuid', primary: true, primaryKeyConstraintName: 'review_decisions_pkey' },
    imageId: { name: 'image_id', type: 'uuid' },
    decision: { type: 'text' },
    actor: { type: 'text' },
    seconds: { type: 'double precision', nullable: true },
    faces: { type: 'integer' },
    changes: { type: 'integer' },
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'now()' },
  },
  foreignKeys: [ofReview('review_decisions_image_id_fkey')],
  indices: [
    { name: 'review_decisions_created', columns: ['createdAt'] },
    { name: 'review_decisions_image', columns: ['imageId'] },
  ],
});

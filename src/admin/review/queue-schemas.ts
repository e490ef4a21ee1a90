import { z } from 'zod';
import { queryInteger, queryTime } from '../../http/query.ts';
import { REASONS } from '../../storage/doubts.ts';
import { imageItemSchema, nextSchema, pageFields, searchField } from '../kept/schemas.ts';

/** Schemas of the queue. */

const MAX_AT_ONCE = 200;
const MAX_NOTE_LENGTH = 2000;

const STATES = ['open', 'approved', 'sent_back'] as const;
const stateSchema = z.enum(STATES);
const reasonSchema = z.enum(REASONS);
const timeSchema = z.iso.datetime();

export const reviewQuerySchema = z.strictObject({
  ...pageFields,
  limit: queryInteger(1, MAX_AT_ONCE).default(50).meta({ description: 'Maximum number of rows' }),
  state: stateSchema.default('open'),
  reason: z
    .enum([...REASONS, 'any'])
    .optional()
    .meta({ description: 'Only images with this reason; any: with at least one' }),
  claim: z
    .enum(['mine', 'unclaimed'])
    .optional()
    .meta({ description: 'mine: those that you work on; unclaimed: those that nobody works on' }),
  search: searchField,
  from: queryTime().optional().meta({ description: 'Masked since then. Inclusive' }),
  to: queryTime().optional().meta({ description: 'Masked before then. Exclusive' }),
});
export type ReviewQuery = z.infer<typeof reviewQuerySchema>;

const claimSchema = z
  .object({
    by: z.string().meta({ description: 'As in the audit log' }),
    is_mine: z.boolean().meta({ description: 'false: another person or another session has it' }),
    since: timeSchema,
    until: timeSchema.meta({ description: 'It ends then unless it is renewed' }),
  })
  .meta({ id: 'ReviewClaim' });
export type ReviewClaim = z.infer<typeof claimSchema>;
export { claimSchema };

export const reviewItemSchema = z
  .object({
    image: imageItemSchema,
    state: stateSchema,
    doubt: z.int().meta({ description: 'By which the queue is sorted; 0: there is no reason for doubt' }),
    reasons: z
      .array(z.object({ reason: reasonSchema, count: z.int().meta({ description: 'Faces, masks or reports' }) }))
      .meta({ description: 'The most urgent first' }),
    masked_at: timeSchema.meta({ description: 'Time of the newest masking' }),
    version: z.int().meta({ description: 'Number of the version that is served' }),
    version_id: z.uuid().meta({ description: '`id` of the version that is served: `based_on` of a decision' }),
    decided_by: z.string().nullable().meta({ description: 'Of the latest decision, also after it was opened again' }),
    decided_at: timeSchema.nullable(),
    decided_version_id: z.uuid().nullable(),
    note: z.string().nullable(),
    claim: claimSchema.nullable().meta({ description: 'null: nobody works on it' }),
  })
  .meta({ id: 'ReviewItem' });
export type ReviewItem = z.infer<typeof reviewItemSchema>;

export const reviewPageSchema = z
  .object({
    rows: z.array(reviewItemSchema).meta({ description: 'The highest doubt first' }),
    next: nextSchema,
    total: z
      .int()
      .nullable()
      .meta({ description: 'Number of images that match, counted up to 10000; null on later pages' }),
  })
  .meta({ id: 'ReviewPage' });
export type ReviewPage = z.infer<typeof reviewPageSchema>;

export const reviewCountsQuerySchema = z.strictObject({
  since: queryTime().optional().meta({ description: 'Start of the day of `done`. Default: the last midnight, UTC' }),
});
export type ReviewCountsQuery = z.infer<typeof reviewCountsQuerySchema>;

export const reviewCountsSchema = z
  .object({
    states: z.object({ open: z.int(), approved: z.int(), sent_back: z.int() }),
    reasons: z.record(reasonSchema, z.int()).meta({ description: 'Of open images' }),
    done: z.int().meta({ description: 'Images that were decided on since then' }),
    counted_up_to: z.int().meta({ description: 'A count with this value may be higher' }),
  })
  .meta({ id: 'ReviewCounts' });
export type ReviewCountsBody = z.infer<typeof reviewCountsSchema>;

const figuresSchema = z.object({
  decisions: z.int(),
  median_seconds: z
    .number()
    .nullable()
    .meta({ description: 'From the claim to the decision; null: there was no decision with a claim' }),
  faces: z.int().meta({ description: 'Masks of the images when their review started' }),
  changes: z.int().meta({ description: 'Masks that were added and removed' }),
  changes_per_100_faces: z.number().nullable().meta({ description: 'null: there were no faces' }),
});

export const reviewFiguresSchema = z
  .object({
    days: z.int(),
    all: figuresSchema,
    reviewers: z.array(figuresSchema.extend({ actor: z.string() })),
  })
  .meta({ id: 'ReviewFigures' });
export type ReviewFiguresBody = z.infer<typeof reviewFiguresSchema>;

const takeOverField = z
  .boolean()
  .default(false)
  .meta({ description: 'true: even if another person or another session works on the image' });

export const claimRequestSchema = z.strictObject({ take_over: takeOverField }).meta({ id: 'ReviewClaimRequest' });
export type ClaimRequest = z.infer<typeof claimRequestSchema>;

const decisionFields = {
  decision: z.enum(['approved', 'sent_back']),
  note: z.string().max(MAX_NOTE_LENGTH).optional().meta({ description: 'Such as what to correct' }),
  take_over: takeOverField,
};
const basedOnField = z
  .uuid()
  .toLowerCase()
  .meta({ description: '`id` of the version that was looked at: the one that is served' });

export const decisionSchema = z
  .strictObject({ ...decisionFields, based_on: basedOnField })
  .meta({ id: 'ReviewDecision' });
export type DecisionBody = z.infer<typeof decisionSchema>;

export const decisionsSchema = z
  .strictObject({
    ...decisionFields,
    images: z
      .array(z.strictObject({ id: z.uuid().toLowerCase(), based_on: basedOnField }))
      .min(1)
      .max(MAX_AT_ONCE),
  })
  .meta({ id: 'ReviewDecisions', description: 'The same decision on several images' });
export type DecisionsBody = z.infer<typeof decisionsSchema>;

export const decisionResultsSchema = z
  .object({
    results: z.array(
      z.object({
        image_id: z.uuid(),
        review: reviewItemSchema.nullable().meta({ description: 'null: it failed' }),
        problem: z
          .object({ type: z.string(), title: z.string(), detail: z.string() })
          .nullable()
          .meta({ description: 'Why it failed: as in the response to a single decision' }),
      }),
    ),
  })
  .meta({ id: 'ReviewDecisionResults', description: 'In the order of the request' });
export type DecisionResults = z.infer<typeof decisionResultsSchema>;

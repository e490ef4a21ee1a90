import { z } from 'zod';
import { queryInteger, queryText } from '../../http/query.ts';
import { batchOutputSchema } from '../results/output-body.ts';

const MAX_PRIORITY = 9;

const countSchema = z.int().nonnegative();

export const batchSchema = z
  .object({
    id: z.uuid(),
    kind: z.enum(['detect', 'mask']),
    state: z.enum(['listing', 'active', 'finishing', 'done', 'canceled', 'failed']).meta({
      description:
        'listing: a worker makes items of what is in the source; active: items wait or are being processed; finishing: the manifest is being written to the output; done: every item has an outcome, which may be a failure; canceled: the items that still waited were given up; failed: the source could not be listed, or the manifest not be written',
    }),
    options: z.record(z.string(), z.unknown()),
    priority: z.int(),
    webhook: z.string().nullable().meta({ description: 'URL that is told when the batch has ended; null: none' }),
    output: batchOutputSchema,
    counts: z
      .object({
        total: countSchema,
        waiting: countSchema.meta({ description: 'Not processed yet, or being processed' }),
        done: countSchema,
        failed: countSchema.meta({ description: 'Cannot succeed, such as a file that is no image' }),
        dead: countSchema.meta({
          description: 'Failed at every attempt, but may succeed later: see the route for retries',
        }),
        canceled: countSchema,
      })
      .meta({ id: 'BatchCounts' }),
    items_per_second: z.number().nullable().meta({ description: 'On average since the batch was received' }),
    estimated_end: z.iso.datetime().nullable().meta({ description: 'At this rate; null if the batch has ended' }),
    error: z
      .object({ code: z.string(), detail: z.string() })
      .nullable()
      .meta({ description: 'Why the batch failed; null: it did not' }),
    created_at: z.iso.datetime(),
    finished_at: z.iso.datetime().nullable(),
    result_url: z.string().nullable().meta({
      description: 'Path of the archive of results; null while the batch runs, if it failed, and if it has an output',
    }),
  })
  .meta({ id: 'Batch' });
export type BatchBody = z.infer<typeof batchSchema>;

const nextSchema = (name: string) =>
  z
    .union([z.string(), z.int()])
    .nullable()
    .meta({ description: `Pass as \`${name}\` to get the next page; null: this is the last page` });

export const batchPageSchema = z
  .object({ rows: z.array(batchSchema), next: nextSchema('after') })
  .meta({ id: 'BatchPage' });
export type BatchPageBody = z.infer<typeof batchPageSchema>;

export const batchItemSchema = z
  .object({
    position: z.int().meta({ description: 'From 0, in the order in which the files arrived' }),
    name: z.string(),
    state: z.enum(['waiting', 'done', 'failed', 'dead', 'canceled']),
    attempts: z.int(),
    input_sha256: z.string().nullable(),
    output: z
      .object({
        format: z.string(),
        bytes: z.int(),
        sha256: z.string(),
        key: z
          .string()
          .nullable()
          .meta({ description: 'In the output of the batch; null: it is in the archive of results' }),
      })
      .nullable()
      .meta({ description: 'The masked image; null: there is none' }),
    outcome: z
      .record(z.string(), z.unknown())
      .nullable()
      .meta({ description: 'As in the JSON response to a single image; null unless it is done' }),
    error: z
      .object({ code: z.string(), detail: z.string() })
      .nullable()
      .meta({ description: 'Of the latest attempt; null if it is done' }),
  })
  .meta({ id: 'BatchItem' });
export type BatchItemBody = z.infer<typeof batchItemSchema>;

export const batchItemPageSchema = z
  .object({ rows: z.array(batchItemSchema), next: nextSchema('from') })
  .meta({ id: 'BatchItemPage' });
export type BatchItemPageBody = z.infer<typeof batchItemPageSchema>;

const limit = queryInteger(1, 500).default(50).meta({ description: 'Maximum number of rows' });

export const batchesQuerySchema = z.strictObject({
  limit,
  after: queryText().optional().meta({ description: '`next` of the previous page' }),
});
export type BatchesQuery = z.infer<typeof batchesQuerySchema>;

export const itemsQuerySchema = z.strictObject({
  limit,
  from: queryInteger(0, 1_000_000)
    .default(0)
    .meta({ description: '`next` of the previous page, with the same filter' }),
  state: z.enum(['waiting', 'done', 'failed', 'dead', 'canceled']).optional(),
});
export type ItemsQuery = z.infer<typeof itemsQuerySchema>;

export const batchParamsSchema = z.strictObject({ id: z.uuid().toLowerCase() });
export type BatchParams = z.infer<typeof batchParamsSchema>;

/** The text fields of the form that sends a batch */
export const batchFieldsSchema = z.strictObject({
  kind: z.enum(['detect', 'mask']).meta({ description: 'What to do with each image' }),
  options: z
    .string()
    .optional()
    .meta({ description: 'Options for all images, as a JSON object: MaskOptions or DetectOptions' }),
  priority: queryInteger(0, MAX_PRIORITY)
    .default(0)
    .meta({ description: 'Of the batches of the same API key, those with a higher priority start first' }),
  webhook: z.string().optional().meta({
    description:
      'URL that gets a signed POST when the batch has ended, on a host in FACE_API_WEBHOOK_ALLOW; see the webhook batchEnded',
  }),
  source: z
    .string()
    .optional()
    .meta({ description: 'Where the images are, instead of files: {"s3": {"bucket": "photos", "prefix": "2026/"}}' }),
  output: z.string().optional().meta({
    description:
      'Where the results are written to, instead of an archive: {"s3": {"bucket": "masked", "prefix": "2026/"}}. Nothing that exists there is replaced',
  }),
});
export const batchSourceSchema = z.strictObject({
  s3: z
    .strictObject({ bucket: z.string(), prefix: z.string().default('') })
    .meta({ description: 'All objects below this prefix, which FACE_API_BATCH_S3_ALLOW must allow' }),
});

export const batchOutputFieldSchema = z.strictObject({
  s3: z
    .strictObject({ bucket: z.string(), prefix: z.string().default('') })
    .meta({ description: 'Results go below this prefix, which FACE_API_BATCH_S3_OUTPUT_ALLOW must allow' }),
});

export type BatchFields = z.infer<typeof batchFieldsSchema>;

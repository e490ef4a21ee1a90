import { z } from 'zod';
import { queryBoolean, queryInteger, queryText, queryTime } from '../../http/query.ts';
import { faceSchema, verificationSchema } from '../../inference/schemas.ts';
import { metadataOutcomesSchema } from '../../masking/schemas.ts';

/** Schemas of the API for stored data. Each gives the type, the validation and the OpenAPI document. */

const MAX_FACES = 1_000_000;

const IMAGE_SORTS = ['newest', 'oldest', 'most_faces', 'fewest_faces'] as const;
const SORT_DESCRIPTION = 'Default: newest. Sorting by faces leaves out rows without a face count';
const imageSortSchema = z.enum(IMAGE_SORTS).meta({ description: SORT_DESCRIPTION });
const jobSortSchema = z.enum([...IMAGE_SORTS, 'slowest', 'fastest']).meta({ description: SORT_DESCRIPTION });

export const searchField = queryText().optional().meta({
  description:
    'ID of a job or an image, or at least the last four characters of it; ID of a request; or SHA-256 of an original or a result',
});

export const pageFields = {
  limit: queryInteger(1, 200).default(50).meta({ description: 'Maximum number of rows' }),
  after: queryText().optional().meta({ description: '`next` of the previous page, with the same filters and sort' }),
};

const rangeFields = {
  min_faces: queryInteger(0, MAX_FACES).optional(),
  max_faces: queryInteger(0, MAX_FACES).optional(),
  from: queryTime().optional().meta({ description: 'Inclusive' }),
  to: queryTime().optional().meta({ description: 'Exclusive' }),
};

export const nextSchema = z
  .string()
  .nullable()
  .meta({ description: 'Pass as `after` to get the next page; null: this is the last page' });
const timeSchema = z.iso.datetime();

export const idParamsSchema = z.strictObject({ id: z.uuid().toLowerCase() });
export type IdParams = z.infer<typeof idParamsSchema>;

export const imagesQuerySchema = z.strictObject({
  ...pageFields,
  sort: imageSortSchema.optional(),
  search: searchField,
  type: queryText().optional().meta({ description: 'Image type such as jpeg; unknown: not recognized' }),
  ...rangeFields,
});
export type ImagesQuery = z.infer<typeof imagesQuerySchema>;

export const imageItemSchema = z
  .object({
    id: z.uuid(),
    sha256: z.string(),
    type: z.string().meta({ description: 'Image type, recognized by its first bytes; unknown if not recognized' }),
    bytes: z.int(),
    width: z
      .int()
      .nullable()
      .meta({ description: 'Width of the upright image in pixels; null if it could not be decoded' }),
    height: z.int().nullable(),
    face_count: z.int().nullable().meta({ description: 'Highest face count of its jobs; null: no detection yet' }),
    created_at: timeSchema,
    last_used_at: timeSchema,
    stored: z.boolean().meta({ description: 'false: the file is lost; uploading the same image restores it' }),
    thumbnail_url: z.string().nullable().meta({ description: 'null if there is no preview' }),
  })
  .meta({ id: 'ImageItem' });
export type ImageItem = z.infer<typeof imageItemSchema>;

export const imagePageSchema = z.object({ rows: z.array(imageItemSchema), next: nextSchema }).meta({ id: 'ImagePage' });
export type ImagePage = z.infer<typeof imagePageSchema>;

const assetUrlSchema = z.string().nullable().meta({
  description: 'Short-lived URL, readable without a session; on another host if images are stored in S3. null: no file',
});
const expirySchema = timeSchema.nullable().meta({ description: 'Expiry of the URLs; null if there are none' });

export const imageDetailSchema = imageItemSchema
  .extend({
    original_url: assetUrlSchema,
    result_url: assetUrlSchema,
    version: z
      .int()
      .nullable()
      .meta({ description: 'Number of the version of the result that is served; null: no masked result' }),
    url_expires_at: expirySchema,
    report_url: z.string().nullable().meta({
      description:
        'Path of the public page on which a face in the masked image is reported; null: FACE_API_REPORTS_ENABLED is off, or no masked result',
    }),
  })
  .meta({ id: 'ImageDetail' });
export type ImageDetail = z.infer<typeof imageDetailSchema>;

export const thumbnailQuerySchema = z.strictObject({
  width: queryInteger(64, 640).default(320).meta({ description: 'Long side in pixels; images are never enlarged' }),
});
export type ThumbnailQuery = z.infer<typeof thumbnailQuerySchema>;

export const eraseQuerySchema = z.strictObject({
  dry_run: queryBoolean().default(false).meta({ description: 'true: only report what would be erased' }),
});
export type EraseQuery = z.infer<typeof eraseQuerySchema>;

export const erasureSchema = z
  .object({
    image_id: z.uuid().nullable().meta({ description: 'null: the image was still in the spool' }),
    jobs: z.int(),
    objects: z.int(),
    spooled: z.int().meta({
      description: 'Files in the spool: waiting jobs, and damaged files that belong or may belong to the image',
    }),
  })
  .meta({ id: 'Erasure' });
export type ErasureBody = z.infer<typeof erasureSchema>;

const kindSchema = z.enum(['detect', 'mask']);
const statusSchema = z.enum(['done', 'failed']);

const jobFilterFields = {
  sort: jobSortSchema.optional(),
  search: searchField,
  kind: kindSchema.optional(),
  status: statusSchema.optional(),
  model: queryText().optional(),
  error: queryText().optional().meta({ description: 'Error code, such as undecodable_image' }),
  uncertain: queryBoolean().optional().meta({ description: 'true: only jobs with uncertain faces' }),
  image_id: z.uuid().toLowerCase().optional(),
  request_id: queryText().optional(),
  ...rangeFields,
};

export const jobsQuerySchema = z.strictObject({ ...pageFields, ...jobFilterFields });
export type JobsQuery = z.infer<typeof jobsQuerySchema>;

export const jobsCsvQuerySchema = z.strictObject(jobFilterFields);
export type JobsCsvQuery = z.infer<typeof jobsCsvQuerySchema>;

export const jobItemSchema = z
  .object({
    id: z.uuid(),
    kind: kindSchema,
    status: statusSchema,
    image_id: z.uuid().nullable().meta({ description: 'null: the image was lost when the worker thread crashed' }),
    face_count: z.int().nullable(),
    masked_count: z.int().nullable(),
    uncertain_count: z.int().nullable().meta({ description: 'Number of faces to review; null: not a masking' }),
    duration_ms: z.number(),
    model_name: z.string(),
    error_code: z.string().nullable(),
    error_detail: z.string().nullable(),
    request_id: z.string(),
    api_key_name: z.string().nullable(),
    result_type: z.string().nullable(),
    result_bytes: z.int().nullable(),
    created_at: timeSchema,
    stored_at: timeSchema,
  })
  .meta({ id: 'JobItem' });
export type JobItem = z.infer<typeof jobItemSchema>;

export const jobPageSchema = z.object({ rows: z.array(jobItemSchema), next: nextSchema }).meta({ id: 'JobPage' });
export type JobPage = z.infer<typeof jobPageSchema>;

export const jobDetailSchema = jobItemSchema
  .extend({
    model_sha256: z.string(),
    options: z.record(z.string(), z.unknown()).meta({ description: 'Options of the request' }),
    settings: z.record(z.string(), z.unknown()).nullable().meta({
      description:
        'Options in force, with the configured defaults; null: not known, such as for jobs of older versions',
    }),
    verification: verificationSchema.nullable().meta({ description: 'null if not requested' }),
    metadata: metadataOutcomesSchema.nullable().meta({ description: 'null if not requested' }),
    faces: z.array(faceSchema).nullable(),
    timings: z.record(z.string(), z.number()).meta({ description: 'Milliseconds by stage' }),
    image: imageItemSchema.nullable(),
    original_url: assetUrlSchema,
    result_url: assetUrlSchema,
    result_version: z
      .int()
      .nullable()
      .meta({ description: 'Number of the corrected version that result_url serves; null: the result of the job' }),
    url_expires_at: expirySchema,
  })
  .meta({ id: 'JobDetail' });
export type JobDetail = z.infer<typeof jobDetailSchema>;

export const reconcileSchema = z
  .strictObject({
    dry_run: z.boolean().default(true).meta({ description: 'true: only report what would be repaired' }),
  })
  .meta({ id: 'Reconcile' });
export type Reconcile = z.infer<typeof reconcileSchema>;

const findingSchema = z
  .object({ count: z.int(), examples: z.array(z.string()).meta({ description: 'At most 20' }) })
  .meta({ id: 'Finding' });

export const reconciliationSchema = z
  .object({
    dry_run: z.boolean(),
    orphans: findingSchema.meta({ description: 'Objects without a record: deleted' }),
    missing: findingSchema.meta({ description: 'Records whose object does not exist: marked as lost' }),
    stuck: findingSchema.meta({ description: 'Jobs that have been in the spool for over an hour: retried' }),
  })
  .meta({ id: 'Reconciliation' });
export type ReconciliationBody = z.infer<typeof reconciliationSchema>;

export const auditQuerySchema = z.strictObject(pageFields);
export type AuditQuery = z.infer<typeof auditQuerySchema>;

export const auditItemSchema = z
  .object({
    id: z.uuid(),
    action: z.enum([
      'erase',
      'prune',
      'reconcile',
      'redeliver',
      'rerun',
      'start_batch',
      'cancel_batch',
      'retry_batch',
      'edit',
      'unmask',
      'approve',
      'approve_image',
      'send_back',
      'report',
    ]),
    actor: z.string().meta({
      description: '`schedule`, `command line`, `console`, `public`, or `user:`, `token:` or `key:` followed by a name',
    }),
    subject: z.uuid().nullable().meta({ description: 'ID of the image or the batch concerned' }),
    counts: z.record(z.string(), z.int()),
    place: z
      .string()
      .nullable()
      .meta({ description: 'The folder in S3 to which the batch writes its results; null: they are stored' }),
    created_at: timeSchema,
  })
  .meta({ id: 'AuditItem' });
export type AuditItem = z.infer<typeof auditItemSchema>;

export const auditPageSchema = z.object({ rows: z.array(auditItemSchema), next: nextSchema }).meta({ id: 'AuditPage' });
export type AuditPage = z.infer<typeof auditPageSchema>;

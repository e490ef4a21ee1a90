import { z } from 'zod';
import { batchSchema } from '../../jobs/api/schemas.ts';

export const MAX_NAMED_FILES = 100;

export const adminBatchSchema = batchSchema
  .extend({
    api_key_name: z.string().nullable().meta({ description: 'The API key that sent it; null: none' }),
    started_by: z.string().nullable().meta({
      description: 'The operator who started it: `console`, or `token:` and a name; null: it came by the public API',
    }),
  })
  .meta({ id: 'AdminBatch' });
export type AdminBatchBody = z.infer<typeof adminBatchSchema>;

export const adminBatchPageSchema = z
  .object({
    rows: z.array(adminBatchSchema),
    next: z
      .string()
      .nullable()
      .meta({ description: 'Pass as `after` to get the next page; null: this is the last page' }),
  })
  .meta({ id: 'AdminBatchPage' });
export type AdminBatchPageBody = z.infer<typeof adminBatchPageSchema>;

const failureGroupSchema = z
  .object({
    state: z.enum(['failed', 'dead']).meta({ description: 'dead: may succeed if it is processed again' }),
    code: z.string().meta({ description: 'Error code, such as undecodable_image' }),
    count: z.int(),
    files: z
      .array(z.object({ name: z.string(), detail: z.string() }))
      .meta({ description: `The first ${MAX_NAMED_FILES}; the manifest in the archive of results has all` }),
  })
  .meta({ id: 'BatchFailureGroup' });

export const adminBatchDetailSchema = adminBatchSchema
  .extend({
    failures: z
      .array(failureGroupSchema)
      .meta({ description: 'Files without a result by reason, the most frequent reason first' }),
  })
  .meta({ id: 'AdminBatchDetail' });
export type AdminBatchDetailBody = z.infer<typeof adminBatchDetailSchema>;

import { z } from 'zod';
import { batchSchema } from '../../jobs/api/schemas.ts';

export const MAX_NAMED_FILES = 100;

export const adminBatchSchema = batchSchema
  .extend({
    api_key_name: z.string().nullable().meta({ description: 'The API key that sent it; null: none' }),
    started_by: z.string().nullable().meta({
      description: 'The operator who started it, as in the audit log; null: it came by the public API',
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

const webhookDeliverySchema = z
  .object({
    id: z.uuid().meta({ description: 'The header webhook-id of each attempt' }),
    url: z.string(),
    batch_state: z.enum(['done', 'canceled', 'failed']).meta({ description: 'How the batch ended' }),
    state: z.enum(['waiting', 'delivered', 'failed']).meta({
      description: 'waiting: for its next attempt; failed: given up, after a day or because the receiver is gone',
    }),
    attempts: z.int().meta({ description: 'How many were made' }),
    next_attempt_at: z.iso.datetime().nullable().meta({ description: 'Null unless it waits' }),
    created_at: z.iso.datetime().meta({ description: 'When the batch ended' }),
    latest_attempts: z
      .array(
        z.object({
          number: z.int().meta({ description: 'From 1' }),
          started_at: z.iso.datetime(),
          duration_ms: z.int(),
          status: z.int().nullable().meta({ description: 'Of the response; null: there was none' }),
          error: z.string().nullable().meta({ description: 'Null: it was delivered' }),
        }),
      )
      .meta({ description: 'Newest first' }),
  })
  .meta({ id: 'WebhookDelivery' });
export type WebhookDeliveryBody = z.infer<typeof webhookDeliverySchema>;

export const webhookParamsSchema = z.strictObject({ id: z.uuid().toLowerCase(), webhook: z.uuid().toLowerCase() });
export type WebhookParams = z.infer<typeof webhookParamsSchema>;

export const adminBatchDetailSchema = adminBatchSchema
  .extend({
    failures: z
      .array(failureGroupSchema)
      .meta({ description: 'Files without a result by reason, the most frequent reason first' }),
    deliveries: z
      .array(webhookDeliverySchema)
      .meta({ description: 'The latest webhooks of the batch, newest first: one each time it ended' }),
  })
  .meta({ id: 'AdminBatchDetail' });
export type AdminBatchDetailBody = z.infer<typeof adminBatchDetailSchema>;

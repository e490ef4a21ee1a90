import { z } from 'zod';
import { resultPath } from '../result-path.ts';
import { batchOutputSchema, toOutputBody } from '../results/output-body.ts';
import type { DueDelivery } from './webhook-records.ts';

const countSchema = z.int().nonnegative();

/** The body of a webhook */
export const webhookEventSchema = z
  .object({
    type: z.enum(['batch.done', 'batch.canceled', 'batch.failed']),
    timestamp: z.iso.datetime().meta({ description: 'When the batch ended' }),
    data: z.object({
      id: z.uuid().meta({ description: 'ID of the batch' }),
      kind: z.enum(['detect', 'mask']),
      state: z.enum(['done', 'canceled', 'failed']),
      counts: z.object({
        total: countSchema,
        done: countSchema,
        failed: countSchema,
        dead: countSchema,
        canceled: countSchema,
      }),
      result_url: z.string().nullable().meta({
        description:
          'Path of the archive of results, on the service that took the batch; null: the batch has an output',
      }),
      output: batchOutputSchema,
    }),
  })
  .meta({ id: 'WebhookEvent' });
export type WebhookEvent = z.infer<typeof webhookEventSchema>;

export function toWebhookEvent({ batchId, kind, state, counts, output, createdAt }: DueDelivery): WebhookEvent {
  return {
    type: `batch.${state}`,
    timestamp: createdAt.toISOString(),
    data: {
      id: batchId,
      kind,
      state,
      counts,
      result_url: output ? null : resultPath(batchId),
      output: toOutputBody(output),
    },
  };
}

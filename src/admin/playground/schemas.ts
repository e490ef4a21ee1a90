import { z } from 'zod';
import { choiceFields, detectOptionFields, detectOptionsSchema } from '../../inference/schemas.ts';
import { maskOptionsSchema } from '../../masking/schemas.ts';

const store = z.boolean().optional().meta({ description: 'false: do not store a job. Default: true if storage is on' });

export const playgroundDetectOptionsSchema = z
  .strictObject({
    ...detectOptionFields,
    ...choiceFields,
    candidates: z.number().min(0.01).max(1).optional().meta({
      description:
        'Also return faces with a score from this value up to the threshold, to help choose a threshold. The stored job has only the faces at or above the threshold',
    }),
    store,
  })
  .meta({ id: 'PlaygroundDetectOptions' });
export type PlaygroundDetectOptions = z.infer<typeof playgroundDetectOptionsSchema>;

export const playgroundMaskOptionsSchema = maskOptionsSchema
  .safeExtend({ store })
  .meta({ id: 'PlaygroundMaskOptions' });
export type PlaygroundMaskOptions = z.infer<typeof playgroundMaskOptionsSchema>;

export const playgroundPreviewOptionsSchema = z.strictObject({}).meta({ id: 'PlaygroundPreviewOptions' });
export type PlaygroundPreviewOptions = z.infer<typeof playgroundPreviewOptionsSchema>;

export const rerunSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('detect'), options: detectOptionsSchema.optional() }),
    z.strictObject({ kind: z.literal('mask'), options: maskOptionsSchema.optional() }),
  ])
  .meta({ id: 'Rerun', description: 'Takes the same options as the public routes' });
export type Rerun = z.infer<typeof rerunSchema>;

export const rerunAnswerSchema = z
  .object({
    job_id: z.uuid().meta({ description: 'ID of the job; it can be read as soon as it has been stored' }),
    kind: z.enum(['detect', 'mask']),
    face_count: z.int(),
    masked_count: z.int().nullable(),
  })
  .meta({ id: 'RerunAnswer' });
export type RerunAnswer = z.infer<typeof rerunAnswerSchema>;

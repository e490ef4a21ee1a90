import { z } from 'zod';
import { detectOptionFields, detectOptionsSchema } from '../../inference/schemas.ts';
import { maskOptionsSchema } from '../../masking/schemas.ts';

const keep = z
  .boolean()
  .optional()
  .meta({ description: 'false: no job is kept of it. Default: true, where storage is on' });

export const playgroundDetectOptionsSchema = z
  .strictObject({
    ...detectOptionFields,
    candidates: z.number().min(0.01).max(1).optional().meta({
      description:
        'Answer with what has at least this score too, below the threshold, so that a threshold can be chosen by looking. The job has the faces at the threshold alone',
    }),
    keep,
  })
  .meta({ id: 'PlaygroundDetectOptions' });
export type PlaygroundDetectOptions = z.infer<typeof playgroundDetectOptionsSchema>;

export const playgroundMaskOptionsSchema = maskOptionsSchema.safeExtend({ keep }).meta({ id: 'PlaygroundMaskOptions' });
export type PlaygroundMaskOptions = z.infer<typeof playgroundMaskOptionsSchema>;

export const rerunSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('detect'), options: detectOptionsSchema.optional() }),
    z.strictObject({ kind: z.literal('mask'), options: maskOptionsSchema.optional() }),
  ])
  .meta({ id: 'Rerun', description: 'The same options as of the public routes' });
export type Rerun = z.infer<typeof rerunSchema>;

export const rerunAnswerSchema = z
  .object({
    job_id: z.uuid().meta({ description: 'Of the job that is kept: it can be read once it is stored, in a moment' }),
    kind: z.enum(['detect', 'mask']),
    face_count: z.int(),
    masked_count: z.int().nullable(),
  })
  .meta({ id: 'RerunAnswer' });
export type RerunAnswer = z.infer<typeof rerunAnswerSchema>;

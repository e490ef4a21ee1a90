import { z } from 'zod';
import { receiptSchema } from './receipt.ts';

export const checkOptionsSchema = z
  .strictObject({
    receipt: z
      .string()
      .min(1)
      .max(100_000)
      .meta({
        description: 'The receipt from X-Mask-Receipt or from the JSON response',
        examples: ['eyJhbGciOiJFZERTQSJ9…'],
      }),
  })
  .meta({ id: 'CheckOptions' });
export type CheckOptions = z.infer<typeof checkOptionsSchema>;

export const checkedSchema = z
  .object({
    valid: z.boolean().meta({
      description: 'true: the receipt is signed by this service, and the image is the masked image it was issued for',
    }),
    signed: z.boolean().meta({ description: 'true: the receipt is signed by this service' }),
    image: z
      .enum(['output', 'input', 'neither'])
      .meta({ description: 'Which image of the receipt it is: output is the masked image, input the original' }),
    detail: z.string(),
    receipt: receiptSchema.nullable(),
  })
  .meta({ id: 'CheckedReceipt' });
export type CheckedBody = z.infer<typeof checkedSchema>;

export const jwksSchema = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) }).meta({ id: 'KeySet' });

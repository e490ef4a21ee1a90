import { z } from 'zod';
import { receiptSchema } from './receipt.ts';

export const checkOptionsSchema = z
  .strictObject({
    receipt: z
      .string()
      .min(1)
      .max(100_000)
      .meta({ description: 'As it came in X-Mask-Receipt or in the JSON', examples: ['eyJhbGciOiJFZERTQSJ9…'] }),
  })
  .meta({ id: 'CheckOptions' });
export type CheckOptions = z.infer<typeof checkOptionsSchema>;

export const checkedSchema = z
  .object({
    valid: z.boolean().meta({ description: 'The receipt is this service’s, and the image is the masked one' }),
    signed: z.boolean().meta({ description: 'The signature is this service’s' }),
    image: z.enum(['output', 'input', 'neither']).meta({ description: 'What the image is in the receipt' }),
    detail: z.string(),
    receipt: receiptSchema.nullable(),
  })
  .meta({ id: 'CheckedReceipt' });
export type CheckedBody = z.infer<typeof checkedSchema>;

export const jwksSchema = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) }).meta({ id: 'KeySet' });

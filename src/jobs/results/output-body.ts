import { z } from 'zod';
import type { S3Place } from '../s3-place.ts';
import { MANIFEST } from './result-names.ts';

/** As in responses and webhooks */
export const batchOutputSchema = z
  .object({
    s3: z.object({
      bucket: z.string(),
      prefix: z.string(),
      manifest: z.string().meta({ description: 'Key of the manifest, which exists when the batch has ended' }),
    }),
  })
  .nullable()
  .meta({ description: 'Where the results are written to; null: they are stored, and result_url has the archive' });

export function toOutputBody(output: S3Place | null): z.infer<typeof batchOutputSchema> {
  return output && { s3: { bucket: output.bucket, prefix: output.prefix, manifest: output.prefix + MANIFEST } };
}

import { z } from 'zod';
import { versionSchema } from '../../review/api/schemas.ts';

export const adminVersionSchema = versionSchema
  .extend({
    result_url: z.string().nullable().meta({
      description: 'Short-lived URL of the image of this version; null: the file is lost',
    }),
    url_expires_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'AdminVersion' });
export type AdminVersionBody = z.infer<typeof adminVersionSchema>;

export const adminVersionsSchema = z
  .object({ versions: z.array(adminVersionSchema).meta({ description: 'Newest first' }) })
  .meta({ id: 'AdminVersions' });
export type AdminVersionsBody = z.infer<typeof adminVersionsSchema>;

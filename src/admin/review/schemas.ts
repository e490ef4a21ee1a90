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

export const reportsSchema = z
  .object({
    reports: z.array(
      z.object({
        id: z.uuid(),
        version: z.int().meta({ description: 'Number of the version that was served' }),
        point: z
          .object({ x: z.number(), y: z.number() })
          .nullable()
          .meta({ description: 'In pixels of the upright image; null: only a message' }),
        message: z.string().meta({ description: 'Plain text by an unknown person; may be empty' }),
        created_at: z.iso.datetime(),
      }),
    ),
  })
  .meta({ id: 'Reports' });
export type ReportsBody = z.infer<typeof reportsSchema>;

import { z } from 'zod';

const path = (description: string) =>
  z
    .string()
    .nullable()
    .meta({ description: `${description}; null if not served` });

export const homeSchema = z
  .object({
    name: z.literal('Face API'),
    version: z.string(),
    detect: path('Path of face detection'),
    mask: path('Path of masking'),
    api_key_required: z.boolean().meta({ description: 'Whether detection and masking require an API key' }),
    documentation: path('Path of the interactive documentation'),
    openapi: path('Path of the OpenAPI document'),
    console: path('Path of the console'),
  })
  .meta({ id: 'Home' });
export type HomeBody = z.infer<typeof homeSchema>;

import { z } from 'zod';

const modelSchema = z
  .object({
    name: z.string(),
    sha256: z.string(),
    license: z.string(),
    source: z.string().meta({ description: 'Origin of the model file' }),
    path: z.string(),
  })
  .meta({ id: 'SystemModel' });

const storageSchema = z
  .object({
    enabled: z.boolean(),
    condition: z.enum(['ok', 'degraded']).nullable().meta({ description: 'null: storage is off' }),
    problems: z.array(z.string()).meta({ description: 'Current problems' }),
    database: z
      .object({
        kind: z.enum(['embedded', 'external']),
        reachable: z.boolean(),
        latency_ms: z.number().nullable(),
      })
      .nullable(),
    objects: z.object({ kind: z.enum(['folder', 's3']), place: z.string(), reachable: z.boolean() }).nullable(),
    spool: z
      .object({
        files: z.int(),
        bytes: z.int(),
        max_bytes: z.int(),
        oldest_seconds: z.int(),
        damaged: z.int().meta({ description: 'Damaged files that were moved aside' }),
        lost: z.int().meta({ description: 'Jobs lost since the process started' }),
      })
      .nullable(),
  })
  .meta({ id: 'SystemStorage', description: 'If storage is off, everything except `enabled` and `problems` is null' });

const settingSchema = z
  .object({
    name: z.string(),
    value: z.string().meta({ description: 'Current value; secrets show only “hidden” or “not set”' }),
    default: z.string(),
    description: z.string(),
    changed: z.boolean().meta({ description: 'true: differs from the default' }),
    secret: z.boolean(),
  })
  .meta({ id: 'SystemSetting' });

export const systemSchema = z
  .object({
    version: z.string(),
    role: z.enum(['all', 'api', 'admin', 'worker']),
    started_at: z.iso.datetime(),
    node: z.string(),
    platform: z.string(),
    cores: z.int(),
    memory: z.object({ rss_bytes: z.int(), heap_bytes: z.int(), total_bytes: z.int() }),
    model: modelSchema,
    second_model: modelSchema.nullable().meta({ description: 'null: there is none, and the main model verifies' }),
    pool: z.object({
      threads: z.int(),
      running: z.int(),
      waiting: z.int(),
      slots: z.int(),
      slots_used: z.int(),
      inference: z.int().meta({ description: 'Permits for inference' }),
      inference_used: z.int(),
    }),
    storage: storageSchema,
    disk: z
      .object({ path: z.string(), total_bytes: z.int(), free_bytes: z.int() })
      .nullable()
      .meta({ description: 'Disk of the data folder; null: storage is off' }),
    configuration: z.array(settingSchema),
  })
  .meta({ id: 'System', description: 'The process that answers this request' });
export type SystemBody = z.infer<typeof systemSchema>;

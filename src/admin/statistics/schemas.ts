import { z } from 'zod';
import { queryInteger, queryTime } from '../../http/query.ts';

const DAY_SECONDS = 86_400;

export const statisticsQuerySchema = z.strictObject({
  from: queryTime().optional().meta({ description: 'Start, inclusive. Default: one hour before `to`' }),
  to: queryTime().optional().meta({ description: 'End, exclusive. Default: now' }),
  step_seconds: queryInteger(60, 31 * DAY_SECONDS, 60)
    .default(60)
    .meta({
      description:
        'Length of a bucket in seconds: whole minutes, or whole hours for a period of more than two days. The limit is 1,500 buckets',
    }),
});
export type StatisticsQuery = z.infer<typeof statisticsQuerySchema>;

const latencySchema = z.number().nullable().meta({ description: 'Accurate to 5 %; null if there were no requests' });

export const bucketSchema = z
  .object({
    at: z.iso.datetime().meta({ description: 'Start of the bucket' }),
    requests: z.int().meta({ description: 'Answered detection and masking requests, including the playground' }),
    rejected: z.int().meta({ description: 'Of these: rejected with 503 or 429 because the service was busy' }),
    client_errors: z.int().meta({ description: 'Of these: other responses from 400 to 499' }),
    server_errors: z.int().meta({ description: 'Of these: other responses of 500 and above' }),
    faces: z.int().meta({ description: 'Faces found' }),
    masked: z.int().meta({ description: 'Faces and regions masked' }),
    bytes_in: z.int(),
    bytes_out: z.int(),
    p50_ms: latencySchema,
    p95_ms: latencySchema,
    p99_ms: latencySchema,
  })
  .meta({ id: 'Bucket', description: 'Latencies include successful requests only' });
export type Bucket = z.infer<typeof bucketSchema>;

export const instanceSchema = z
  .object({
    name: z.string(),
    role: z.enum(['all', 'api', 'admin', 'worker']),
    version: z.string(),
    seen_at: z.iso.datetime(),
    in_flight: z.int().meta({ description: 'Requests that hold a slot' }),
    slots: z.int(),
    inferring: z.int().meta({ description: 'Requests that hold a permit' }),
    waiting: z.int().meta({ description: 'Requests that wait for a permit' }),
    spool_files: z.int(),
    spool_bytes: z.int(),
    spool_oldest_seconds: z.int(),
    storage: z.enum(['off', 'ok', 'degraded']),
  })
  .meta({ id: 'Instance', description: 'A process of the service, as last reported' });
export type InstanceBody = z.infer<typeof instanceSchema>;

export const statisticsSchema = z
  .object({
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    step_seconds: z.int(),
    buckets: z.array(bucketSchema).meta({ description: 'All buckets of the period, including empty ones' }),
    totals: bucketSchema,
    scope: z.enum(['service', 'process']).meta({
      description:
        'service: all processes; process: only the process that answers, for one day at most, because storage is off or the database is unavailable',
    }),
    instances: z.array(instanceSchema).meta({ description: 'Processes seen in the last minute' }),
  })
  .meta({ id: 'Statistics' });
export type StatisticsBody = z.infer<typeof statisticsSchema>;

import { z } from 'zod';
import { queryInteger, queryTime } from '../../http/query.ts';

const DAY_SECONDS = 86_400;

export const statisticsQuerySchema = z.strictObject({
  from: queryTime().optional().meta({ description: 'Inclusive. Default: an hour before `to`' }),
  to: queryTime().optional().meta({ description: 'Exclusive. Default: now' }),
  step_seconds: queryInteger(60, 31 * DAY_SECONDS, 60)
    .default(60)
    .meta({
      description:
        'Length of a bucket: whole minutes, or whole hours for a period of more than two days. At most 1,500 buckets are given',
    }),
});
export type StatisticsQuery = z.infer<typeof statisticsQuerySchema>;

const latencySchema = z.number().nullable().meta({ description: 'Within 5 %; null where nothing was answered' });

export const bucketSchema = z
  .object({
    at: z.iso.datetime().meta({ description: 'Its start' }),
    requests: z
      .int()
      .meta({ description: 'Answered requests to find or mask faces, those of the playground included' }),
    rejected: z.int().meta({ description: 'Of these: refused with 503 for want of room, or with 429' }),
    client_errors: z.int().meta({ description: 'Of these: other answers from 400 to 499' }),
    server_errors: z.int().meta({ description: 'Of these: other answers from 500 on' }),
    faces: z.int().meta({ description: 'Faces found' }),
    masked: z.int().meta({ description: 'Faces and regions masked' }),
    bytes_in: z.int(),
    bytes_out: z.int(),
    p50_ms: latencySchema,
    p95_ms: latencySchema,
    p99_ms: latencySchema,
  })
  .meta({ id: 'Bucket', description: 'Latencies are those of answers that were neither refused nor failed' });
export type Bucket = z.infer<typeof bucketSchema>;

export const instanceSchema = z
  .object({
    name: z.string(),
    role: z.enum(['all', 'api', 'admin']),
    version: z.string(),
    seen_at: z.iso.datetime(),
    in_flight: z.int().meta({ description: 'Requests that hold a slot' }),
    slots: z.int(),
    inferring: z.int().meta({ description: 'Requests that hold a permit' }),
    waiting: z.int().meta({ description: 'Requests that wait for one' }),
    spool_files: z.int(),
    spool_bytes: z.int(),
    spool_oldest_seconds: z.int(),
    storage: z.enum(['off', 'ok', 'degraded']),
  })
  .meta({ id: 'Instance', description: 'A process of the service, as it last told of itself' });
export type InstanceBody = z.infer<typeof instanceSchema>;

export const statisticsSchema = z
  .object({
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    step_seconds: z.int(),
    buckets: z.array(bucketSchema).meta({ description: 'All of the period, also those in which nothing was asked' }),
    totals: bucketSchema,
    scope: z.enum(['service', 'process']).meta({
      description:
        'service: all processes, as long as they are kept; process: that which answers alone, for a day at most, since storage is off or the database is away',
    }),
    instances: z.array(instanceSchema).meta({ description: 'Seen within the last minute' }),
  })
  .meta({ id: 'Statistics' });
export type StatisticsBody = z.infer<typeof statisticsSchema>;

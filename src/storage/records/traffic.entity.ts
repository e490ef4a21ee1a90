import { EntitySchema } from 'typeorm';

export type TrafficSpan = 'minute' | 'hour';

/** The requests of one process in a minute or an hour. After a restart, it is another process. */
export interface TrafficRow {
  span: TrafficSpan;
  /** Start of the minute or hour */
  at: Date;
  process: string;
  requests: number;
  rejected: number;
  clientErrors: number;
  serverErrors: number;
  faces: number;
  masked: number;
  bytesIn: number;
  bytesOut: number;
  /** Number of responses by number of the bin */
  latencies: Record<string, number>;
}

const key = { primary: true, primaryKeyConstraintName: 'traffic_pkey' } as const;

export const trafficEntity = new EntitySchema<TrafficRow>({
  name: 'Traffic',
  tableName: 'traffic',
  columns: {
    span: { type: 'text', ...key },
    at: { type: 'timestamptz', precision: 3, ...key },
    process: { type: 'uuid', ...key },
    requests: { type: 'integer' },
    rejected: { type: 'integer' },
    clientErrors: { name: 'client_errors', type: 'integer' },
    serverErrors: { name: 'server_errors', type: 'integer' },
    faces: { type: 'integer' },
    masked: { type: 'integer' },
    bytesIn: { name: 'bytes_in', type: 'bigint' },
    bytesOut: { name: 'bytes_out', type: 'bigint' },
    latencies: { type: 'jsonb' },
  },
  checks: [{ name: 'traffic_span', expression: `span = ANY (ARRAY['minute'::text, 'hour'::text])` }],
});

import { EntitySchema } from 'typeorm';

/** A process of the service, as it last reported itself */
export interface InstanceRow {
  process: string;
  name: string;
  role: string;
  version: string;
  condition: InstanceCondition;
  seenAt: Date;
}

export interface InstanceCondition {
  readonly inFlight: number;
  readonly slots: number;
  readonly inferring: number;
  readonly waiting: number;
  readonly spoolFiles: number;
  readonly spoolBytes: number;
  readonly spoolOldestSeconds: number;
  readonly storage: 'off' | 'ok' | 'degraded';
}

export const instanceEntity = new EntitySchema<InstanceRow>({
  name: 'Instance',
  tableName: 'instances',
  columns: {
    process: { type: 'uuid', primary: true, primaryKeyConstraintName: 'instances_pkey' },
    name: { type: 'text' },
    role: { type: 'text' },
    version: { type: 'text' },
    condition: { type: 'jsonb' },
    seenAt: { name: 'seen_at', type: 'timestamptz', precision: 3 },
  },
});

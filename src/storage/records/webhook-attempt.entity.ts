import { EntitySchema } from 'typeorm';

/** One attempt at a delivery */
export interface WebhookAttemptRow {
  deliveryId: string;
  /** From 1 */
  number: number;
  startedAt: Date;
  durationMs: number;
  /** Null: there was no response. */
  status: number | null;
  /** Null: it was delivered. */
  error: string | null;
}

export const webhookAttemptEntity = new EntitySchema<WebhookAttemptRow>({
  name: 'WebhookAttempt',
  tableName: 'webhook_attempts',
  columns: {
    deliveryId: { name: 'delivery_id', type: 'uuid', primary: true, primaryKeyConstraintName: 'webhook_attempts_pkey' },
    number: { type: 'integer', primary: true, primaryKeyConstraintName: 'webhook_attempts_pkey' },
    startedAt: { name: 'started_at', type: 'timestamptz', precision: 3 },
    durationMs: { name: 'duration_ms', type: 'integer' },
    status: { type: 'integer', nullable: true },
    error: { type: 'text', nullable: true },
  },
});

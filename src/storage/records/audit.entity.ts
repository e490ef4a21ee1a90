import { EntitySchema } from 'typeorm';

export type AuditAction =
  | 'erase'
  | 'prune'
  | 'reconcile'
  | 'redeliver'
  | 'rerun'
  | 'start_batch'
  | 'cancel_batch'
  | 'retry_batch'
  | 'edit'
  | 'unmask'
  | 'approve'
  | 'approve_image'
  | 'send_back'
  | 'report';

/** An action on stored data: who did it and how many rows and objects it changed, never their content. */
export interface AuditRow {
  id: string;
  action: AuditAction;
  /** "schedule", "command line", "console", "public", "user:NAME", "token:NAME" or "key:NAME". */
  actor: string;
  /** ID of the image or the batch; it reveals nothing about their content. */
  subject: string | null;
  counts: Record<string, number>;
  /** Where the action wrote to, outside of the service; null: nowhere. */
  place: string | null;
  createdAt: Date;
}

export const auditEntity = new EntitySchema<AuditRow>({
  name: 'Audit',
  tableName: 'audit',
  columns: {
    id: { type: 'uuid', primary: true, primaryKeyConstraintName: 'audit_pkey' },
    action: { type: 'text' },
    actor: { type: 'text' },
    subject: { type: 'uuid', nullable: true },
    counts: { type: 'jsonb' },
    place: { type: 'text', nullable: true },
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'now()' },
  },
  indices: [{ name: 'audit_created', columns: ['createdAt', 'id'] }],
});

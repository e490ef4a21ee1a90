import { EntitySchema } from 'typeorm';

export type AuditAction = 'erase' | 'prune' | 'reconcile' | 'rerun';

/** That something was done to what is kept, by whom, and how much it was: never what it was. */
export interface AuditRow {
  id: string;
  action: AuditAction;
  /** "schedule", "command line", or who was logged in. */
  actor: string;
  /** Id of the image that the action was about; it says nothing of the image. */
  subject: string | null;
  counts: Record<string, number>;
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
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'now()' },
  },
  indices: [{ name: 'audit_created', columns: ['createdAt', 'id'] }],
});

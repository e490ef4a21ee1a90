import { EntitySchema } from 'typeorm';

/** A session of the console. The browser alone has its id: the row holds what the id hashes to. */
export interface SessionRow {
  /** SHA-256 of the id, in hexadecimal. */
  digest: string;
  /** Which password it was opened with; a session does not outlive its password. */
  password: string;
  createdAt: Date;
  lastSeenAt: Date;
}

export const sessionEntity = new EntitySchema<SessionRow>({
  name: 'Session',
  tableName: 'sessions',
  columns: {
    digest: { type: 'text', primary: true, primaryKeyConstraintName: 'sessions_pkey' },
    password: { type: 'text' },
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3 },
    lastSeenAt: { name: 'last_seen_at', type: 'timestamptz', precision: 3 },
  },
});

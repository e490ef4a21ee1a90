import { EntitySchema } from 'typeorm';
import type { Role } from '../../config/user-roles.ts';

/** A session of the console. Only the browser has its ID: the row has the digest of it. */
export interface SessionRow {
  /** SHA-256 of the id, in hexadecimal. */
  digest: string;
  /** Name of the user; null: there are no named users. */
  userName: string | null;
  /** The role that the identity provider gave; null: the login was with a password. */
  externalRole: Role | null;
  /** Fingerprint of the password with which it was opened; another password ends the session. */
  password: string;
  createdAt: Date;
  lastSeenAt: Date;
}

export const sessionEntity = new EntitySchema<SessionRow>({
  name: 'Session',
  tableName: 'sessions',
  columns: {
    digest: { type: 'text', primary: true, primaryKeyConstraintName: 'sessions_pkey' },
    userName: { name: 'user_name', type: 'text', nullable: true },
    externalRole: { name: 'external_role', type: 'text', nullable: true },
    password: { type: 'text' },
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3 },
    lastSeenAt: { name: 'last_seen_at', type: 'timestamptz', precision: 3 },
  },
});

import type { Role } from '../../config/user-roles.ts';

/** Somebody who may log in to the console. */
export interface Account {
  /** Null: the account of the one password, if there are no named users. */
  readonly name: string | null;
  readonly role: Role;
  /** Identifies the password, or the identity provider; the same after a restart. With another one, sessions are invalid. */
  readonly fingerprint: string;
  /** Known to the identity provider and not to this service, which knows the role from the login. */
  readonly isExternal: boolean;
}

import { hash } from 'node:crypto';
import { ConfigurationError } from '../../config/configuration.ts';
import { reasonOf } from '../../errors/reason.ts';
import { hashPassword, isComplete, matches, randomPassword } from './password.ts';
import type { Role } from './rights.ts';
import { readUsers } from './users-file.ts';

/** Somebody who may log in to the console. */
export interface Account {
  /** Null: the account of the one password, if there are no named users. */
  readonly name: string | null;
  readonly role: Role;
  readonly passwordHash: string;
  /** Identifies the password; the same after a restart. Sessions that were opened with another one are invalid. */
  readonly fingerprint: string;
}

export interface AccountSettings {
  /** An argon2id hash; empty: a password is generated. Not used if there are named users. */
  readonly passwordHash: string;
  /** Path of the file of named users; empty: there is one password for everyone. */
  readonly users: string;
}

/** All accounts of the console, as they are at the start. */
export class Accounts {
  /** The generated password, to print for the operator; null if one is configured. */
  readonly generated: string | null;
  /** Whether a login needs a name. */
  readonly areNamed: boolean;
  readonly #accounts: ReadonlyMap<string | null, Account>;
  /** One of the accounts' own, verified for unknown names: a login takes the same time for every name. */
  readonly #decoy: string;

  /** @param accounts at least one */
  private constructor(accounts: readonly Account[], generated: string | null) {
    this.#accounts = new Map(accounts.map((account) => [keyOf(account.name), account]));
    this.#decoy = accounts[0]!.passwordHash;
    this.generated = generated;
    this.areNamed = !this.#accounts.has(null);
  }

  /** @throws ConfigurationError if a hash or the file of users is not valid */
  static async open({ passwordHash, users }: AccountSettings): Promise<Accounts> {
    if (users !== '') return new Accounts(await namedAccounts(users), null);
    if (passwordHash !== '') return new Accounts([await configuredAccount(passwordHash)], null);
    const password = randomPassword();
    const account = { name: null, role: 'admin', passwordHash: await hashPassword(password) } as const;
    return new Accounts([{ ...account, fingerprint: 'generated' }], password);
  }

  /** @returns null if there is no such account */
  find(name: string | null): Account | null {
    return this.#accounts.get(keyOf(name)) ?? null;
  }

  /** Takes the same time for every input. */
  async verify(name: string | null, password: string): Promise<Account | null> {
    const account = this.find(name);
    const isRight = await matches(password, account?.passwordHash ?? this.#decoy);
    return isRight ? account : null;
  }
}

async function namedAccounts(path: string): Promise<Account[]> {
  const users = await readUsers(path).catch((error: unknown) => {
    throw new ConfigurationError(`FACE_API_ADMIN_USERS: ${reasonOf(error)}`);
  });
  if (!users?.some(({ role }) => role === 'admin')) {
    throw new ConfigurationError(
      `FACE_API_ADMIN_USERS: ${path} has no user with the role admin. Run: face-api admin add-user NAME --role admin`,
    );
  }
  return users.map(({ name, role, password_hash: passwordHash }) => ({
    name,
    role,
    passwordHash,
    fingerprint: hash('sha256', passwordHash),
  }));
}

async function configuredAccount(passwordHash: string): Promise<Account> {
  if (!(await isComplete(passwordHash))) {
    throw new ConfigurationError(
      'FACE_API_ADMIN_PASSWORD_HASH is not a complete argon2id hash; create one with `face-api admin hash-password`',
    );
  }
  return { name: null, role: 'admin', passwordHash, fingerprint: hash('sha256', passwordHash) };
}

function keyOf(name: string | null): string | null {
  return name?.toLowerCase() ?? null;
}

import { hash } from 'node:crypto';
import { ConfigurationError } from '../../config/configuration.ts';
import { reasonOf } from '../../errors/reason.ts';
import { hashPassword, isComplete, matches, randomPassword } from './password.ts';
import type { Account } from './account.ts';
import type { OpenId } from './openid.ts';
import type { Role } from '../../config/user-roles.ts';
import { readUsers } from './users-file.ts';

interface PasswordAccount extends Account {
  readonly passwordHash: string;
}

export interface AccountSettings {
  /** An argon2id hash; empty: a password is generated. Not used if there are named users. */
  readonly passwordHash: string;
  /** Path of the file of named users; empty: there is one password for everyone. */
  readonly users: string;
}

/** Who may log in to the console, as configured at the start. */
export class Accounts {
  /** The generated password, to print for the operator; null if one is configured. */
  readonly generated: string | null;
  /** Whether a login needs a name. */
  readonly areNamed: boolean;
  /** Null: none is configured. */
  readonly openId: OpenId | null;
  readonly #accounts: ReadonlyMap<string | null, PasswordAccount>;
  /** One of the accounts' own, verified for unknown names: a login takes the same time for every name. */
  readonly #decoy: string | undefined;

  private constructor(accounts: readonly PasswordAccount[], generated: string | null, openId: OpenId | null) {
    this.#accounts = new Map(accounts.map((account) => [keyOf(account.name), account]));
    this.#decoy = accounts[0]?.passwordHash;
    this.generated = generated;
    this.areNamed = !this.#accounts.has(null);
    this.openId = openId;
  }

  /** @throws ConfigurationError if a hash or the file of users is not valid */
  static async open({ passwordHash, users }: AccountSettings, openId: OpenId | null = null): Promise<Accounts> {
    if (users !== '') return new Accounts(await namedAccounts(users), null, openId);
    if (passwordHash !== '') return new Accounts([await configuredAccount(passwordHash)], null, openId);
    if (openId) return new Accounts([], null, openId);
    const password = randomPassword();
    const account = {
      name: null,
      role: 'admin',
      passwordHash: await hashPassword(password),
      isExternal: false,
    } as const;
    return new Accounts([{ ...account, fingerprint: 'generated' }], password, null);
  }

  /** Whether somebody can log in with a password. */
  get havePasswords(): boolean {
    return this.#accounts.size > 0;
  }

  /**
   * @param externalRole with which the identity provider has let somebody in; null: a name of this service
   * @returns null if there is no such account
   */
  find(name: string | null, externalRole: Role | null): Account | null {
    if (externalRole === null) return this.#accounts.get(keyOf(name)) ?? null;
    return this.openId?.account(name!, externalRole) ?? null;
  }

  /** Takes the same time for every input. */
  async verify(name: string | null, password: string): Promise<Account | null> {
    const account = this.#accounts.get(keyOf(name));
    const passwordHash = account?.passwordHash ?? this.#decoy;
    const isRight = passwordHash !== undefined && (await matches(password, passwordHash));
    return isRight ? (account ?? null) : null;
  }
}

async function namedAccounts(path: string): Promise<PasswordAccount[]> {
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
    isExternal: false,
  }));
}

async function configuredAccount(passwordHash: string): Promise<PasswordAccount> {
  if (!(await isComplete(passwordHash))) {
    throw new ConfigurationError(
      'FACE_API_ADMIN_PASSWORD_HASH is not a complete argon2id hash; create one with `face-api admin hash-password`',
    );
  }
  return { name: null, role: 'admin', passwordHash, fingerprint: hash('sha256', passwordHash), isExternal: false };
}

function keyOf(name: string | null): string | null {
  return name?.toLowerCase() ?? null;
}

import { createHash, randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { ConfigurationError } from '../../config/configuration.ts';

/** 120 bits, in letters that nobody confuses when typing them off a screen. */
const RANDOM_BYTES = 15;

export const MAX_PASSWORD_LENGTH = 256;

/** The one password of the console, known by its argon2id hash. */
export class AdminPassword {
  /** Where none is configured: the password itself, to be told to the operator. */
  readonly generated: string | null;
  /** Tells one configured password from another, and is the same after a restart. */
  readonly fingerprint: string;
  readonly #hash: string;

  private constructor(passwordHash: string, generated: string | null) {
    this.#hash = passwordHash;
    this.generated = generated;
    this.fingerprint = generated === null ? createHash('sha256').update(passwordHash).digest('hex') : 'generated';
  }

  /**
   * @param configured an argon2id hash, or empty: then a password is made
   * @throws ConfigurationError
   */
  static async open(configured: string): Promise<AdminPassword> {
    if (configured !== '') return new AdminPassword(await checked(configured), null);
    const password = randomBytes(RANDOM_BYTES).toString('base64url');
    return new AdminPassword(await hashPassword(password), password);
  }

  /** Takes the same time whatever is given. */
  matches(password: string): Promise<boolean> {
    return verify(this.#hash, password);
  }
}

/** A hash that cannot be read must not be found out by whoever tries to log in. */
async function checked(passwordHash: string): Promise<string> {
  try {
    await verify(passwordHash, '');
    return passwordHash;
  } catch {
    throw new ConfigurationError(
      'FACE_API_ADMIN_PASSWORD_HASH is not a complete argon2id hash; create one with `face-api admin hash-password`',
    );
  }
}

/** Argon2id with the cost that OWASP's Password Storage Cheat Sheet names first: 19 MiB, two passes, one lane. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
}

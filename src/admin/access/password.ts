import { createHash, randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { ConfigurationError } from '../../config/configuration.ts';

/** 120 bits, in characters that are easy to distinguish. */
const RANDOM_BYTES = 15;

export const MAX_PASSWORD_LENGTH = 256;

/** The password of the console, as an argon2id hash. */
export class AdminPassword {
  /** The generated password, to print for the operator; null if one is configured. */
  readonly generated: string | null;
  /** Identifies the configured password; the same after a restart. */
  readonly fingerprint: string;
  readonly #hash: string;

  private constructor(passwordHash: string, generated: string | null) {
    this.#hash = passwordHash;
    this.generated = generated;
    this.fingerprint = generated === null ? createHash('sha256').update(passwordHash).digest('hex') : 'generated';
  }

  /**
   * @param configured an argon2id hash, or empty to generate a password
   * @throws ConfigurationError
   */
  static async open(configured: string): Promise<AdminPassword> {
    if (configured !== '') return new AdminPassword(await checked(configured), null);
    const password = randomBytes(RANDOM_BYTES).toString('base64url');
    return new AdminPassword(await hashPassword(password), password);
  }

  /** Takes the same time for every input. */
  matches(password: string): Promise<boolean> {
    return verify(this.#hash, password);
  }
}

/** Fails at startup instead of at the first login if the hash is invalid. */
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

/** Argon2id with the first recommendation of the OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
}

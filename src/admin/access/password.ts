import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';

/** 120 bits, in characters that are easy to distinguish. */
const RANDOM_BYTES = 15;

export const MIN_PASSWORD_LENGTH = 12;
export const MAX_PASSWORD_LENGTH = 256;

/** Argon2id with the first recommendation of the OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
}

/** Takes the same time for every password. */
export function matches(password: string, passwordHash: string): Promise<boolean> {
  return verify(passwordHash, password);
}

/** Whether a password can be verified with it. */
export async function isComplete(passwordHash: string): Promise<boolean> {
  try {
    await verify(passwordHash, '');
    return true;
  } catch {
    return false;
  }
}

export function randomPassword(): string {
  return randomBytes(RANDOM_BYTES).toString('base64url');
}

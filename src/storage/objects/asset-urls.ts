import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { makeFolder } from '../../files/durable-file.ts';
import { readOrCreateSecret } from '../../files/secret-file.ts';
import { ASSETS_PATH } from '../assets-path.ts';

const KEY_BYTES = 32;

/** URLs of objects in the folder, signed with HMAC-SHA256 over key and expiry. */
export class AssetUrls {
  readonly #secret: Buffer;
  readonly #now: () => number;

  constructor(secret: Buffer, now: () => number = Date.now) {
    this.#secret = secret;
    this.#now = now;
  }

  /** The secret is in the data folder, so that URLs stay valid after a restart and for all instances that share it. */
  static async open(dataFolder: string): Promise<AssetUrls> {
    await makeFolder(dataFolder, true, 0o711);
    const secret = await readOrCreateSecret(join(dataFolder, 'asset-url.key'), () => randomBytes(KEY_BYTES));
    return new AssetUrls(secret.content);
  }

  sign(key: string, seconds: number): string {
    const expires = String(Math.floor(this.#now() / 1000) + seconds);
    const query = new URLSearchParams({ expires, signature: this.#signature(key, expires) });
    return `${ASSETS_PATH}${key}?${query.toString()}`;
  }

  /** Whether the signature is valid for this key and this expiry, and has not expired. */
  verify(key: string, expires: string, signature: string): boolean {
    const expected = Buffer.from(this.#signature(key, expires));
    const given = Buffer.from(signature);
    const isValid = given.length === expected.length && timingSafeEqual(given, expected);
    return isValid && Number(expires) * 1000 > this.#now();
  }

  #signature(key: string, expires: string): string {
    return createHmac('sha256', this.#secret).update(`${expires}\n${key}`).digest('base64url');
  }
}

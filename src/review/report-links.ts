import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { parse, stringify } from 'uuid';
import type { Configuration } from '../config/configuration.ts';
import { makeFolder } from '../files/durable-file.ts';
import { readOrCreateSecret } from '../files/secret-file.ts';

const KEY_BYTES = 32;
const ID_BYTES = 16;
const SIGNATURE_BYTES = 16;
const TOKEN = /^[\w-]{43}$/;

/** The pages on which somebody reports a face: their tokens are an image ID with an HMAC-SHA256, so none can be guessed. */
export class ReportLinks {
  readonly #secret: Buffer | null;

  /** @param secret null: reports are off */
  constructor(secret: Buffer | null) {
    this.#secret = secret;
  }

  /** The secret is in the data folder, so that links stay valid after a restart and for all instances that share it. */
  static async open({ review, storage }: Pick<Configuration, 'review' | 'storage'>): Promise<ReportLinks> {
    if (!review.reportsEnabled) return new ReportLinks(null);
    await makeFolder(storage.dataFolder, true, 0o711);
    const secret = await readOrCreateSecret(join(storage.dataFolder, 'report-link.key'), () => randomBytes(KEY_BYTES));
    return new ReportLinks(secret.content);
  }

  /** Null: reports are off. */
  pathOf(imageId: string): string | null {
    if (!this.#secret) return null;
    const id = Buffer.from(parse(imageId));
    return `/report/${Buffer.concat([id, sign(this.#secret, id)]).toString('base64url')}`;
  }

  /** The image of a token; null: the token is not valid, or reports are off. */
  imageOf(token: string): string | null {
    if (!this.#secret || !TOKEN.test(token)) return null;
    const bytes = Buffer.from(token, 'base64url');
    const [id, signature] = [bytes.subarray(0, ID_BYTES), bytes.subarray(ID_BYTES)];
    return timingSafeEqual(signature, sign(this.#secret, id)) ? stringify(id) : null;
  }
}

function sign(secret: Buffer, id: Buffer): Buffer {
  return createHmac('sha256', secret).update('report\n').update(id).digest().subarray(0, SIGNATURE_BYTES);
}

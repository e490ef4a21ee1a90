import { createPublicKey, type KeyObject } from 'node:crypto';
import { join, resolve } from 'node:path';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Configuration, ConfigurationError } from '../config/configuration.ts';
import { reasonOf } from '../errors/reason.ts';
import { keptKey, readKey } from './receipt-key.ts';
import { checkReceipt, publicJwk, type PublicKey, type Receipt, type ReceiptCheck, signReceipt } from './receipt.ts';

interface Keys {
  readonly secret: KeyObject;
  readonly public: PublicKey;
}

/** Signs and verifies receipts with the configured key, or with one that is created when it is first needed. */
@Injectable()
export class Receipts implements OnModuleInit {
  private readonly logger = new Logger(Receipts.name);
  private loading: Promise<Keys> | undefined;

  constructor(private readonly configuration: Configuration) {}

  /** Fails at startup, not with the first request, if the configured key is invalid. */
  async onModuleInit(): Promise<void> {
    if (this.configuration.receipts.key === '') return;
    await this.keys().catch((error: unknown) => {
      throw new ConfigurationError(`FACE_API_RECEIPT_KEY: ${reasonOf(error)}`);
    });
  }

  async sign(receipt: Receipt): Promise<string> {
    const { secret, public: jwk } = await this.keys();
    return signReceipt(receipt, secret, jwk.kid);
  }

  async check(text: string, image: Uint8Array): Promise<ReceiptCheck> {
    return checkReceipt(text, image, await this.publicKeys());
  }

  async publicKeys(): Promise<PublicKey[]> {
    return [(await this.keys()).public];
  }

  private keys(): Promise<Keys> {
    this.loading ??= this.load();
    // Try again with the next receipt: the folder may be writable then.
    void this.loading.catch(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  private async load(): Promise<Keys> {
    const { key, keyFolder } = this.configuration.receipts;
    const secret = key === '' ? await this.keptIn(keyFolder) : readKey(key);
    return { secret, public: await publicJwk(createPublicKey(secret)) };
  }

  private async keptIn(folder: string): Promise<KeyObject> {
    const path = resolve(join(folder, 'receipt-key.pem'));
    const { key, made } = await keptKey(path);
    if (made)
      this.logger.warn(`Created a key for receipts in ${path}. Protect it: anyone who has it can sign receipts`);
    return key;
  }
}

import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { Logger } from '@nestjs/common';
import type { Configuration } from '../../config/configuration.ts';
import { makeFolder } from '../../files/durable-file.ts';
import { readOrCreateSecret } from '../../files/secret-file.ts';

const BYTES = 32;

/** The configured secret, or one in the data folder, which is created if it does not exist. */
export async function readWebhookSecret({ webhooks, storage }: Configuration): Promise<string> {
  if (webhooks.secret !== '') return webhooks.secret;
  const path = resolve(join(storage.dataFolder, 'webhook.secret'));
  await makeFolder(storage.dataFolder, true, 0o711);
  const { content, made } = await readOrCreateSecret(path, () => `whsec_${randomBytes(BYTES).toString('base64')}`);
  if (made) new Logger('Webhooks').warn(`Created a secret for webhooks in ${path}. Receivers need it to verify them`);
  return content.toString('utf8');
}

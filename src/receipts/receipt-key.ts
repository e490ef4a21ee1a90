import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { dirname } from 'node:path';
import { makeFolder } from '../files/durable-file.ts';
import { readOrCreateSecret } from '../files/secret-file.ts';

/**
 * An Ed25519 private key in PEM (PKCS#8); line ends may be written as \n, for environment variables.
 * @throws Error without any part of the key in its message
 */
export function readKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem.replaceAll('\\n', '\n'));
  } catch {
    throw new Error('the receipt key is not a private key in PEM; create one with: openssl genpkey -algorithm ed25519');
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('the receipt key is not an Ed25519 key');
  return key;
}

/** The key in a file, which is created if it does not exist. */
export async function keptKey(path: string): Promise<{ key: KeyObject; made: boolean }> {
  await makeFolder(dirname(path), true, 0o711);
  const { content, made } = await readOrCreateSecret(path, makeKey);
  return { key: readKey(content.toString('utf8')), made };
}

function makeKey(): string | Buffer {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
}

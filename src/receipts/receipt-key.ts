import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * An Ed25519 private key in PEM (PKCS#8); line ends may be written as \n, as environment variables want it.
 * @throws Error that says what is wrong and shows nothing of the key
 */
export function readKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem.replaceAll('\\n', '\n'));
  } catch {
    throw new Error(
      'the key of receipts is not a private key in PEM; make one with: openssl genpkey -algorithm ed25519',
    );
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('the key of receipts is not an Ed25519 key');
  return key;
}

/** The key kept in a file, which is made where there is none. Two processes that start at once end up with the same. */
export async function keptKey(path: string): Promise<{ key: KeyObject; made: boolean }> {
  const existing = await readFile(path, 'utf8').catch(missing);
  if (existing !== null) return { key: readKey(existing), made: false };
  const { privateKey } = generateKeyPairSync('ed25519');
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return { key: readKey(await readFile(path, 'utf8')), made: false };
  }
  return { key: privateKey, made: true };
}

function missing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

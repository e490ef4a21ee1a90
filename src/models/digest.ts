import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { ModelError } from './model-error.ts';

/** Identifies the content of a file: SHA-256 (64 lower-case hexadecimal digits) and length in bytes. */
export type Digest = { sha256: string; bytes: number };

/** Reads the file in chunks, so that its size does not matter. Throws the error of the system if it cannot be read. */
export async function digestFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

export function digestBytes(content: Uint8Array): Digest {
  return { sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length };
}

/**
 * Passes the content on. Callers must not use it before the end: only then is the digest checked.
 * @param what name of the content in the error
 * @throws ModelError as soon as the content is longer than expected, or at its end if it is not as expected
 */
export async function* verified(
  content: AsyncIterable<Uint8Array>,
  expected: Digest,
  what: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > expected.bytes) throw mismatch(what, expected, `is longer than ${expected.bytes} bytes`);
    hash.update(chunk);
    yield chunk;
  }
  const sha256 = hash.digest('hex');
  if (bytes !== expected.bytes) throw mismatch(what, expected, `has ${bytes} bytes, not ${expected.bytes}`);
  if (sha256 !== expected.sha256) throw mismatch(what, expected, `has the SHA-256 ${sha256}`);
}

function mismatch(what: string, expected: Digest, found: string): ModelError {
  return new ModelError(`${what} ${found}; the manifest expects the SHA-256 ${expected.sha256}: not installed`);
}

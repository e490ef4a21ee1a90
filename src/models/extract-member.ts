import { Readable } from 'node:stream';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { reasonOf } from '../errors/reason.ts';
import { type Digest, verified } from './digest.ts';
import { ModelError } from './model-error.ts';

/** An InsightFace pack has about five. A directory of millions would take too much memory and time. */
const maxEntries = 1000;

/**
 * The content of one member of a zip, read in a stream and checked against `expected`.
 *
 * @throws ModelError if the name of any member is absolute or leads outside the archive; if the member is missing or occurs
 * twice; if its declared size is not the expected one (before it is inflated); or if it inflates to a different size (a zip
 * bomb is stopped at its first byte too many)
 */
export async function* extractMember(
  archivePath: string,
  member: string,
  expected: Digest,
): AsyncGenerator<Uint8Array> {
  const zip = await openZip(archivePath);
  try {
    const entry = await findEntry(zip, member);
    if (entry.uncompressedSize !== expected.bytes) {
      throw new Error(`${member} says it has ${entry.uncompressedSize} bytes, the manifest expects ${expected.bytes}`);
    }
    const content: Readable = await zip.openReadStreamPromise(entry);
    yield* verified(content as AsyncIterable<Buffer>, expected, member);
  } catch (error) {
    throw error instanceof ModelError ? error : refusal(error);
  } finally {
    zip.close();
  }
}

async function openZip(path: string): Promise<ZipFile> {
  try {
    return await openPromise(path, { autoClose: false, strictFileNames: true, validateEntrySizes: true });
  } catch (error) {
    throw refusal(error);
  }
}

/** Reads the complete directory, because yauzl rejects a hostile name only when it reads it. */
async function findEntry(zip: ZipFile, member: string): Promise<Entry> {
  if (zip.entryCount > maxEntries) throw new Error(`it has ${zip.entryCount} members`);
  const found: Entry[] = [];
  for await (const entry of zip.eachEntry()) if (entry.fileName === member) found.push(entry);
  if (found.length !== 1) throw new Error(`it holds ${member} ${found.length} times instead of once`);
  return found[0]!;
}

function refusal(error: unknown): ModelError {
  return new ModelError(`the archive was rejected, nothing was installed: ${reasonOf(error)}`);
}

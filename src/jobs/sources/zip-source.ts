import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { reasonOf } from '../../errors/reason.ts';
import { readAtMost } from '../../files/chunks.ts';
import { isClutter, type Source, type SourceFile, tooLargeFile, tooManyEntries, unreadableArchive } from './source.ts';

/**
 * The files in a ZIP. Nothing is written under the names in it, an archive inside of it is a file like any other, and no file is
 * inflated beyond the limit.
 * @throws DomainError invalid_request if it is not a ZIP, or a name in it leads outside
 */
export async function* zipSource(path: string, maxFileBytes: number, maxFiles: number): Source {
  let zip: ZipFile | undefined;
  try {
    zip = await openPromise(path, { autoClose: false, validateEntrySizes: true });
    if (zip.entryCount > 2 * maxFiles) throw tooManyEntries(maxFiles);
    for await (const entry of zip.eachEntry()) {
      const isFolder = entry.fileName.endsWith('/');
      if (!isFolder && !isClutter(entry.fileName)) yield await read(zip, entry, maxFileBytes);
    }
  } catch (error) {
    throw unreadableArchive(error);
  } finally {
    zip?.close();
  }
}

async function read(zip: ZipFile, entry: Entry, maxFileBytes: number): Promise<SourceFile> {
  const name = entry.fileName;
  if (entry.isEncrypted()) return { name, error: ENCRYPTED };
  if (entry.uncompressedSize > maxFileBytes) return { name, error: tooLargeFile(maxFileBytes) };
  try {
    const bytes = await readAtMost(await zip.openReadStreamPromise(entry), maxFileBytes);
    return bytes ? { name, bytes } : { name, error: tooLargeFile(maxFileBytes) };
  } catch (error) {
    // The other files may be fine.
    const detail = `The file cannot be read from the archive: ${reasonOf(error).slice(0, 300)}`;
    return { name, error: { code: 'undecodable_image', detail } };
  }
}

const ENCRYPTED = {
  code: 'unsupported_image',
  detail: 'The file is encrypted in its archive. Create the archive without a password',
};

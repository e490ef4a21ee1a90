import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type ExtractEvents } from 'tar-stream';
import { validateFileName } from 'yauzl';
import { DomainError } from '../../errors/domain-error.ts';
import { readAtMost } from '../../files/chunks.ts';
import { isClutter, type Source, type SourceFile, tooLargeFile, tooManyEntries, unreadableArchive } from './source.ts';

export interface ArchiveLimits {
  readonly maxFileBytes: number;
  /** Of all that is in the archive, after decompression */
  readonly maxBytes: number;
  readonly maxItems: number;
}

/**
 * The files in a tar, read while it arrives. Links, devices and sparse files fail as items, and an archive inside of it is a
 * file like any other.
 * @throws DomainError invalid_request if it is no tar, or a name in it leads outside; upload_too_large
 */
export async function* tarSource(
  content: AsyncIterable<Buffer>,
  isCompressed: boolean,
  { maxFileBytes, maxBytes, maxItems }: ArchiveLimits,
): Source {
  const archive = extract();
  // Its own kind of stream, which works in a pipeline but is not declared as such
  const end = archive as unknown as NodeJS.WritableStream;
  const arrived = Promise.allSettled([
    isCompressed
      ? pipeline(content, createGunzip(), limitedTo(maxBytes), end)
      : pipeline(content, limitedTo(maxBytes), end),
  ]);
  let count = 0;
  try {
    for await (const entry of archive) {
      if (++count > 2 * maxItems) throw tooManyEntries(maxItems);
      const file = await read(entry, maxFileBytes);
      if (file) yield file;
      entry.resume();
    }
  } catch (error) {
    throw unreadableArchive(error);
  } finally {
    archive.destroy();
    await arrived;
  }
}

type Entry = ExtractEvents['entry'][1];

/** Null: a folder, or what no person means. */
async function read(entry: Entry, maxFileBytes: number): Promise<SourceFile | null> {
  const { name, type, size } = entry.header;
  const mistake = validateFileName(name);
  if (mistake !== null)
    throw new DomainError('invalid_request', `The archive cannot be read: ${mistake.slice(0, 300)}`);
  if (type === 'directory' || isClutter(name)) return null;
  if ((type !== 'file' && type !== 'contiguous-file') || isSparse(entry)) return { name, error: NOT_A_FILE };
  if (size > maxFileBytes) return { name, error: tooLargeFile(maxFileBytes) };
  const bytes = await readAtMost(entry as AsyncIterable<Buffer>, maxFileBytes);
  return bytes ? { name, bytes } : { name, error: tooLargeFile(maxFileBytes) };
}

/** As GNU tar writes it in its newest format: a map of the holes comes before the content. */
function isSparse({ header }: Entry): boolean {
  return Object.keys(header.pax ?? {}).some((name) => name.startsWith('GNU.sparse.'));
}

/** A small archive can be compressed from any number of bytes. */
function limitedTo(maxBytes: number) {
  return async function* (content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of content) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        throw new DomainError('upload_too_large', `An archive is limited to ${maxBytes} bytes. Send several batches`);
      }
      yield chunk;
    }
  };
}

const NOT_A_FILE = {
  code: 'unsupported_image',
  detail: 'It is a link, a device or a sparse file. Create the archive with the files themselves (tar --dereference)',
};

import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { DomainError } from '../../errors/domain-error.ts';
import { sniffImageType } from '../../vision/image-type.ts';

const IMAGE_NAME = /\.(jpe?g|jfif|png|webp|avif|gif|tiff?|hei[cf]|bmp|jp2|jxl)$/i;
const HEAD_BYTES = 1024;

export interface SourceFile {
  /** In its own buffer, for the transfer to a thread. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly stats: Stats;
}

/**
 * @returns null if it is no image, neither by its content nor by its name
 * @throws DomainError upload_too_large, invalid_request, or the error of the file system
 */
export async function readSourceFile(path: string, maxBytes: number): Promise<SourceFile | null> {
  // A named pipe would wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new DomainError('invalid_request', 'This is not a regular file');
    const head = await readBytes(file, Math.min(HEAD_BYTES, stats.size));
    if (sniffImageType(head) === 'unknown' && !IMAGE_NAME.test(path)) return null;
    if (stats.size > maxBytes) {
      throw new DomainError(
        'upload_too_large',
        `The file has ${stats.size} bytes, the limit is ${maxBytes} (FACE_API_MAX_UPLOAD_BYTES)`,
      );
    }
    if (stats.size === 0) throw new DomainError('undecodable_image', 'The file is empty');
    return { bytes: await readBytes(file, stats.size), stats };
  } finally {
    await file.close();
  }
}

/** From the start of the file */
async function readBytes(file: FileHandle, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled === length ? bytes : bytes.slice(0, filled);
}

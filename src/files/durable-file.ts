import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { v7 } from 'uuid';
import { systemErrorCode } from '../errors/reason.ts';

/** The suffix of files that are being written: whoever finds one that is old knows that its writer died. */
export const UNFINISHED = '.tmp';

const TRIAL_CHUNK_BYTES = 1_048_576;

/** Nothing of that name, or a file where a folder of the path should be. */
export const ABSENT: readonly string[] = ['ENOENT', 'ENOTDIR'];

/** Chunks of a file's content, one after the other. */
export type Content = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes a file so that its name shows the whole content or nothing, whatever fails meanwhile: to an unfinished file,
 * which is then renamed. If the content throws, nothing is left behind. With `sync`, content and name have reached the
 * disk when it resolves.
 * @param unfinished what the names of its unfinished files start with; they are on the same file system
 */
export async function writeDurably(
  path: string,
  content: Content,
  sync: boolean,
  unfinished: string = path,
  mode = 0o600,
): Promise<void> {
  const name = unfinishedName(unfinished);
  try {
    await writeNew(name, content, sync, mode);
    await rename(name, path);
  } catch (error) {
    await rm(name, { force: true });
    throw error;
  }
  if (sync) await syncFolder(dirname(path));
}

/**
 * Writes so many bytes to the folder and removes them again.
 * @throws what the file system said, if they could not be written
 */
export async function tryToWrite(folder: string, bytes: number, sync: boolean): Promise<void> {
  // Random: file systems that compress would take zeros into no room at all.
  const chunk = randomBytes(Math.min(bytes, TRIAL_CHUNK_BYTES));
  const parts = Array.from({ length: Math.ceil(bytes / chunk.length) }, () => chunk);
  const name = unfinishedName(join(folder, 'trial'));
  try {
    await writeNew(name, parts, sync);
  } finally {
    await rm(name, { force: true });
  }
}

export function unfinishedName(start: string): string {
  return `${start}.${v7()}${UNFINISHED}`;
}

/** Writes a file that is not there yet; a failure may leave a part of it. */
export async function writeNew(path: string, content: Content, sync: boolean, mode = 0o600): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    for await (const chunk of content) await file.writeFile(chunk);
    if (sync) await file.datasync();
  } finally {
    await file.close();
  }
}

/** Makes the folder and those above it, as far as they are missing, so that they survive a failure of the machine. */
export async function makeFolder(path: string, sync: boolean, mode = 0o700): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode });
  if (first === undefined || !sync) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** A new name is safe once its folder is. Windows has no such call: NTFS keeps names in its journal. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Undefined instead of an error, where the file is not there. */
export async function ifPresent<Result>(access: Promise<Result>, absent = ABSENT): Promise<Result | undefined> {
  try {
    return await access;
  } catch (error) {
    if (absent.includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}

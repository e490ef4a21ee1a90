import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { v7 } from 'uuid';
import { systemErrorCode } from '../errors/reason.ts';

/** Suffix of files that are being written. An old one was left by a process that crashed. */
export const UNFINISHED = '.tmp';

const TRIAL_CHUNK_BYTES = 1_048_576;

/** Errors for a name that does not exist, or a file in place of a folder of the path */
export const ABSENT: readonly string[] = ['ENOENT', 'ENOTDIR'];

/** Chunks of a file's content, one after the other. */
export type Content = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes a file that is complete or absent, even after a crash: writes to an unfinished file and renames it. If the content
 * throws, nothing is left behind. With `sync`, content and name have reached the disk when it resolves.
 * @param unfinished start of the name of the unfinished file, on the same file system
 * @param prepare what else is to be done with the unfinished file before it gets its name
 */
export async function writeDurably(
  path: string,
  content: Content,
  sync: boolean,
  {
    unfinished = path,
    mode = 0o600,
    prepare,
  }: {
    readonly unfinished?: string;
    readonly mode?: number;
    readonly prepare?: (name: string) => Promise<void>;
  } = {},
): Promise<void> {
  const name = unfinishedName(unfinished);
  try {
    await writeNew(name, content, sync, mode);
    await prepare?.(name);
    await rename(name, path);
  } catch (error) {
    await rm(name, { force: true });
    throw error;
  }
  if (sync) await syncFolder(dirname(path));
}

/**
 * Writes so many bytes to the folder and removes them again.
 * @throws the error of the file system if they could not be written
 */
export async function tryToWrite(folder: string, bytes: number, sync: boolean): Promise<void> {
  // Random bytes: file systems that compress would store zeros in almost no space.
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

/** Writes a file that does not exist yet; a failure may leave a part of it. */
export async function writeNew(path: string, content: Content, sync: boolean, mode = 0o600): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    for await (const chunk of content) await file.writeFile(chunk);
    if (sync) await file.datasync();
  } finally {
    await file.close();
  }
}

/** Makes the folder and its missing parents, so that they survive a failure of the machine. */
export async function makeFolder(path: string, sync: boolean, mode = 0o700): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode });
  if (first === undefined || !sync) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Makes new names in the folder durable. Not needed on Windows: NTFS has them in its journal. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** @returns undefined instead of an error if the file does not exist */
export async function ifPresent<Result>(access: Promise<Result>, absent = ABSENT): Promise<Result | undefined> {
  try {
    return await access;
  } catch (error) {
    if (absent.includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}

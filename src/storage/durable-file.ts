import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { v7 } from 'uuid';

/** The suffix of files that are being written: whoever finds one that is old knows that its writer died. */
export const UNFINISHED = '.tmp';

const TRIAL_CHUNK_BYTES = 1_048_576;

/**
 * Writes a file so that its name shows the whole content or nothing, whatever fails meanwhile: to an unfinished file,
 * which is then renamed. With `sync`, content and name have reached the disk when it resolves.
 * @param unfinished what the names of its unfinished files start with; they are on the same file system
 */
export async function writeDurably(
  path: string,
  parts: readonly Uint8Array[],
  sync: boolean,
  unfinished: string = path,
): Promise<void> {
  const name = unfinishedName(unfinished);
  try {
    await writeNew(name, parts, sync);
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

async function writeNew(path: string, parts: readonly Uint8Array[], sync: boolean): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    for (const part of parts) await file.writeFile(part);
    if (sync) await file.datasync();
  } finally {
    await file.close();
  }
}

function unfinishedName(start: string): string {
  return `${start}.${v7()}${UNFINISHED}`;
}

/** Makes the folder and those above it, as far as they are missing, so that they survive a failure of the machine. */
export async function makeFolder(path: string, sync: boolean, mode = 0o700): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode });
  if (first === undefined || !sync) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** A new name is safe once its folder is. Windows has no such call: NTFS keeps names in its journal. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The code of a failed system call ("ENOENT"), or undefined where the error is of another kind. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Undefined instead of an error, where the file is not there. */
export async function ifPresent<Result>(access: Promise<Result>): Promise<Result | undefined> {
  try {
    return await access;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

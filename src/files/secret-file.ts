import { chown, link, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode } from '../errors/reason.ts';
import { ifPresent, syncFolder, unfinishedName, writeNew } from './durable-file.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface Secret {
  readonly content: Buffer;
  /** Created by this call */
  readonly made: boolean;
}

/**
 * Reads a secret from a file that only its owner can read, or creates it. Several processes that start at the same time
 * get the same secret. After a crash, the file is complete or absent. The folder must exist.
 */
export async function readOrCreateSecret(
  path: string,
  make: () => string | Uint8Array,
  owner?: Owner,
): Promise<Secret> {
  const present = await readSecret(path);
  if (present) return { content: present, made: false };
  const content = Buffer.from(make());
  const candidate = unfinishedName(path);
  try {
    await writeNew(candidate, [content], true);
    if (owner) await chown(candidate, owner.uid, owner.gid);
    for (;;) {
      if (await linkIfFree(candidate, path)) break;
      const other = await readSecret(path);
      if (other) return { content: other, made: false };
      await removeEmpty(path);
    }
  } finally {
    await rm(candidate, { force: true });
  }
  await syncFolder(dirname(path));
  return { content, made: true };
}

/** An empty file contains no secret: it was left by a crash or a full disk. */
async function readSecret(path: string): Promise<Buffer | undefined> {
  const content = await ifPresent(readFile(path));
  return content?.length === 0 ? undefined : content;
}

/** Unlike a rename, a link never replaces the file of another process. */
async function linkIfFree(candidate: string, path: string): Promise<boolean> {
  try {
    await link(candidate, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Moves the file away before it checks its size: if another process has just put its secret there, it is put back. */
async function removeEmpty(path: string): Promise<void> {
  const taken = unfinishedName(path);
  const found = await ifPresent(rename(path, taken).then(() => stat(taken)));
  if (!found) return;
  if (found.size > 0) await linkIfFree(taken, path);
  await rm(taken);
}

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
  /** Made by this call, and not found. */
  readonly made: boolean;
}

/**
 * A secret that is made once and kept in a file, for its owner alone. Of several processes that start at once, one makes
 * it and all get the same; whatever fails meanwhile, the name shows the whole secret or nothing. The folder must exist.
 */
export async function keepSecret(path: string, make: () => string | Uint8Array, owner?: Owner): Promise<Secret> {
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

/** An empty file holds no secret: a crash, or a full disk, left it. */
async function readSecret(path: string): Promise<Buffer | undefined> {
  const content = await ifPresent(readFile(path));
  return content?.length === 0 ? undefined : content;
}

/** Unlike a rename, a link never replaces what another process was faster with. */
async function linkIfFree(candidate: string, path: string): Promise<boolean> {
  try {
    await link(candidate, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Takes the file away and looks at it then: if another process has put its secret there meanwhile, it is put back. */
async function removeEmpty(path: string): Promise<void> {
  const taken = unfinishedName(path);
  const found = await ifPresent(rename(path, taken).then(() => stat(taken)));
  if (!found) return;
  if (found.size > 0) await linkIfFree(taken, path);
  await rm(taken);
}

import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { ifPresent } from '../files/durable-file.ts';
import type { ArchiveSource } from './manifest.ts';
import { archiveFileName } from './manifest.ts';

/** Much longer than the timeouts of a download: a file that was not written for so long belongs to a crashed process. */
const abandonedAfterMs = 10 * 60_000;

/**
 * @returns path of the file to which only this download writes the archive; it may not exist yet
 *
 * Takes over the file of an interrupted download (`PACK.zip.DIGEST.part`) or of a crashed process
 * (`PACK.zip.DIGEST.UUID.part`, not written for long) by renaming it. If two downloads want it, the rename succeeds for one,
 * and the other starts a new file.
 */
export async function claimPartialFile(folder: string, archive: ArchiveSource): Promise<string> {
  await mkdir(folder, { recursive: true });
  const key = partialFileKey(archive);
  const claimed = join(folder, `${key}.${randomUUID()}.part`);
  for (const candidate of [join(folder, `${key}.part`), ...(await abandonedFiles(folder, key))]) {
    if (await takeOver(candidate, claimed)) break;
  }
  return claimed;
}

/** Renames the file so that the next download continues it; an empty one is deleted. */
export async function leavePartialFile(claimed: string, folder: string, archive: ArchiveSource): Promise<void> {
  const size = await sizeInBytes(claimed);
  if (size === 0) await removePartialFile(claimed);
  else await rename(claimed, join(folder, `${partialFileKey(archive)}.part`));
}

export async function removePartialFile(claimed: string): Promise<void> {
  await rm(claimed, { force: true });
}

/** Size of the file; 0 if it does not exist. */
export async function sizeInBytes(path: string): Promise<number> {
  return (await ifPresent(stat(path)))?.size ?? 0;
}

/** With the start of the digest, so that a new version of the archive does not continue the file of the old one. */
function partialFileKey(archive: ArchiveSource): string {
  return `${archiveFileName(archive)}.${archive.sha256.slice(0, 8)}`;
}

async function abandonedFiles(folder: string, key: string): Promise<string[]> {
  const abandoned: string[] = [];
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${key}.`) || !name.endsWith('.part')) continue;
    const path = join(folder, name);
    const stats = await ifPresent(stat(path));
    if (stats !== undefined && Date.now() - stats.mtimeMs > abandonedAfterMs) abandoned.push(path);
  }
  return abandoned;
}

/** @returns false if the file does not exist, for example because another download has taken it over */
async function takeOver(from: string, to: string): Promise<boolean> {
  const now = new Date();
  // Touched before the rename: under its new name it must never look abandoned.
  const touched = await ifPresent(utimes(from, now, now).then(() => true));
  return touched === true && (await ifPresent(rename(from, to).then(() => true))) === true;
}

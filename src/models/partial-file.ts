import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { ifPresent } from '../files/durable-file.ts';
import type { ArchiveSource } from './manifest.ts';
import { archiveFileName } from './manifest.ts';

/** Far beyond the time-outs of a download that is alive, so a file untouched for so long belongs to a process that died. */
const abandonedAfterMs = 10 * 60_000;

/**
 * Names the file that this download, and no other, writes the archive into; it need not exist yet.
 *
 * What an interrupted download left (`PACK.zip.DIGEST.part`), or one whose process died without leaving it
 * (`PACK.zip.DIGEST.UUID.part`, long untouched), is taken over by renaming it: of two downloads that want it, the rename
 * succeeds for one, and the other starts a file of its own.
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

/** Leaves the file for the next download to continue, under the name that it looks for; an empty one is removed. */
export async function leavePartialFile(claimed: string, folder: string, archive: ArchiveSource): Promise<void> {
  const size = await sizeInBytes(claimed);
  if (size === 0) await removePartialFile(claimed);
  else await rename(claimed, join(folder, `${partialFileKey(archive)}.part`));
}

export async function removePartialFile(claimed: string): Promise<void> {
  await rm(claimed, { force: true });
}

/** The file's size, 0 where there is none. */
export async function sizeInBytes(path: string): Promise<number> {
  return (await ifPresent(stat(path)))?.size ?? 0;
}

/** With the digest's beginning, so that an archive that changed in the manifest does not continue the old one's bytes. */
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

/** False where the file is gone, be it that another download took it over a moment ago. */
async function takeOver(from: string, to: string): Promise<boolean> {
  const now = new Date();
  // Touched before it is renamed: under its new name it must never look abandoned.
  const touched = await ifPresent(utimes(from, now, now).then(() => true));
  return touched === true && (await ifPresent(rename(from, to).then(() => true))) === true;
}

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ifPresent } from '../files/durable-file.ts';
import { digestFile, verified } from './digest.ts';
import { extractMember } from './extract-member.ts';
import { ArchiveNotFoundError, ConnectionError, fetchArchive, type FetchOptions } from './fetch-archive.ts';
import { installFile } from './install-file.ts';
import { archiveFileName, type ArchiveSource, isBundled, type ModelEntry } from './manifest.ts';
import { ModelError } from './model-error.ts';
import { claimPartialFile, leavePartialFile, removePartialFile } from './partial-file.ts';

export type DownloadOptions = FetchOptions & {
  /** Folder of the installed model and of the unfinished archive */
  modelsFolder: string;
  /** A mirror: an http(s) URL or a folder with the archive under its own file name. */
  from?: string | undefined;
};

/**
 * Installs a model from the first of its archives that exists, and returns its path. An existing file is replaced if its
 * digest is wrong.
 *
 * The SHA-256 of the archive is checked before the model is extracted, then that of the model, before it gets its name.
 * After a broken connection or an abort, the next call continues the download; other errors leave nothing behind.
 *
 * @throws ModelError
 */
export async function downloadModel(model: ModelEntry, options: DownloadOptions): Promise<string> {
  if (isBundled(model)) throw new ModelError(`${model.name} is included in the service: nothing to download`);
  const path = join(options.modelsFolder, model.file);
  if (await hasDigest(path, model.sha256)) return path;
  const missing: string[] = [];
  for (const archive of model.archives) {
    try {
      await installFromArchive(model, archive, path, options);
      return path;
    } catch (error) {
      if (!(error instanceof ArchiveNotFoundError)) throw error;
      missing.push(error.message);
    }
  }
  throw new ModelError(`${missing.join('; ')}: check the address, or name a mirror with --from URL-or-folder`);
}

async function installFromArchive(
  model: ModelEntry,
  archive: ArchiveSource,
  path: string,
  options: DownloadOptions,
): Promise<void> {
  const source = sourceOf(archive, options.from);
  if (typeof source === 'string') {
    await requireFile(source);
    await installVerified(model, archive, source, path);
    return;
  }
  const partial = await claimPartialFile(options.modelsFolder, archive);
  try {
    await fetchArchive(source, partial, archive.bytes, options);
    await installVerified(model, archive, partial, path);
  } catch (error) {
    if (error instanceof ConnectionError || options.signal?.aborted === true) {
      await leavePartialFile(partial, options.modelsFolder, archive);
    }
    throw error;
  } finally {
    await removePartialFile(partial);
  }
}

async function installVerified(
  model: ModelEntry,
  archive: ArchiveSource,
  archivePath: string,
  path: string,
): Promise<void> {
  const { sha256 } = await digestFile(archivePath);
  if (sha256 !== archive.sha256) {
    throw new ModelError(
      `${archiveFileName(archive)} has the SHA-256 ${sha256}, the manifest expects ${archive.sha256}: nothing was installed; run the command again, or try another source with --from URL-or-folder`,
    );
  }
  const { member } = archive;
  await installFile(
    path,
    member === undefined
      ? verified(createReadStream(archivePath) as AsyncIterable<Buffer>, model, model.file)
      : extractMember(archivePath, member, model),
  );
}

/** A URL to download from, or the path of a file */
function sourceOf(archive: ArchiveSource, from: string | undefined): URL | string {
  if (from === undefined) return new URL(archive.url);
  const name = archiveFileName(archive);
  if (from.startsWith('file:')) return join(fileURLToPath(from), name);
  if (/^https?:\/\//i.test(from)) return mirrorUrl(from, name);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(from)) throw new ModelError('--from takes an http(s) address or a folder');
  return resolve(from, name);
}

function mirrorUrl(from: string, name: string): URL {
  if (!URL.canParse(from)) throw new ModelError('--from takes an http(s) address or a folder');
  const mirror = new URL(from);
  mirror.pathname = `${mirror.pathname.replace(/\/$/, '')}/${name}`;
  return mirror;
}

async function requireFile(path: string): Promise<void> {
  if (!(await ifPresent(stat(path)))) throw new ArchiveNotFoundError(`${path} does not exist`);
}

async function hasDigest(path: string, sha256: string): Promise<boolean> {
  return (await ifPresent(digestFile(path)))?.sha256 === sha256;
}

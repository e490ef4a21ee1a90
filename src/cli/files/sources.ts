import { glob, opendir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { ifPresent } from '../../files/durable-file.ts';
import { UsageError } from '../context.ts';

/** A file to process. */
export interface Source {
  readonly path: string;
  /** Path below the folder that all sources share, with `/`. */
  readonly name: string;
}

export interface Sources {
  /** The folder that all sources share. */
  readonly root: string;
  /** Finds them anew, one after the other: memory does not grow with their number. */
  readonly find: () => AsyncGenerator<Source>;
}

const MAGIC = /[*?[\]{}]/;

/** A part of the command line: where its files lie, and how they are found. */
interface Place {
  readonly base: string;
  readonly find: (isSkipped: (path: string) => boolean) => AsyncIterable<string>;
}

/**
 * @param paths files, folders and glob patterns
 * @param out a folder whose files are no sources, even if it lies in one of the folders
 * @throws UsageError if a path does not exist
 */
export async function locateSources(paths: readonly string[], out: string | null): Promise<Sources> {
  const places = await Promise.all(paths.map(toPlace));
  const root = sharedFolder(places.map(({ base }) => base));
  const isSkipped = (path: string) => out !== null && isWithin(path, out);
  async function* find(): AsyncGenerator<Source> {
    for (const place of places) {
      for await (const path of place.find(isSkipped)) {
        if (!isSkipped(path)) yield { path, name: relative(root, path).split(sep).join('/') };
      }
    }
  }
  return { root, find };
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

async function toPlace(given: string): Promise<Place> {
  const found = await ifPresent(stat(given));
  if (found?.isDirectory()) {
    const base = await realpath(given);
    return { base, find: (isSkipped) => walk(base, isSkipped) };
  }
  if (found) {
    // Not the target of a link: the result has the name of the link.
    const base = await realpath(dirname(given));
    return { base, find: () => only(join(base, basename(given))) };
  }
  if (MAGIC.test(given)) return globPlace(given);
  throw new UsageError(`${given} does not exist`);
}

async function globPlace(pattern: string): Promise<Place> {
  const steps = resolve(pattern).split(sep);
  const firstMagic = steps.findIndex((step) => MAGIC.test(step));
  const folder = steps.slice(0, firstMagic).join(sep) || sep;
  const base = await ifPresent(realpath(folder));
  if (base === undefined) throw new UsageError(`${folder} does not exist`);
  return { base, find: () => matches(base, steps.slice(firstMagic).join(sep)) };
}

async function* matches(cwd: string, pattern: string): AsyncGenerator<string> {
  for await (const entry of glob(pattern, { cwd, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() || (entry.isSymbolicLink() && !(await isFolder(path)))) yield path;
  }
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* only(path: string): AsyncGenerator<string> {
  yield path;
}

/** Follows no links to folders, which may lead in a circle. A folder that cannot be read is a source that cannot. */
async function* walk(folder: string, isSkipped: (path: string) => boolean): AsyncGenerator<string> {
  const entries = await opendir(folder).catch(() => null);
  if (entries === null) {
    yield folder;
    return;
  }
  for await (const entry of entries) {
    const path = join(folder, entry.name);
    if (isSkipped(path)) continue;
    if (entry.isDirectory()) yield* walk(path, isSkipped);
    else if (entry.isFile() || (entry.isSymbolicLink() && !(await isFolder(path)))) yield path;
  }
}

/** A link that leads nowhere is a source that cannot be read. */
async function isFolder(link: string): Promise<boolean> {
  try {
    return (await stat(link)).isDirectory();
  } catch {
    return false;
  }
}

function sharedFolder(folders: readonly string[]): string {
  const [first = [], ...others] = folders.map((folder) => folder.split(sep));
  const differs = first.findIndex((step, at) => others.some((steps) => steps[at] !== step));
  return (differs < 0 ? first : first.slice(0, differs)).join(sep) || sep;
}

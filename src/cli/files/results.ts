import type { Stats } from 'node:fs';
import { chmod, chown, lstat, mkdir, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DomainError } from '../../errors/domain-error.ts';
import { ifPresent, writeDurably } from '../../files/durable-file.ts';
import { REPORT_NAME } from './report.ts';
import { isWithin, type Source } from './sources.ts';

/** For files that are being written: next to the report, on the same file system as the results. */
const UNFINISHED_FOLDER = '.face-api-unfinished';
/** Of new files, before the umask of the process */
const MODE = 0o666;

/** Names of a run's own files, which are no sources */
export function isOwnFile(name: string): boolean {
  return name.startsWith(REPORT_NAME) || name.startsWith(`${UNFINISHED_FOLDER}/`);
}

/** Where results are written: complete or not at all. */
export interface Results {
  /** Has the report. */
  readonly folder: string;
  readonly inPlace: boolean;
  /** Throws if the source must not have such a result, before anything is recorded of it. */
  readonly admit: (source: Source, suffix: string) => Promise<void>;
  readonly write: (source: Source, suffix: string, bytes: Uint8Array, stats: Stats) => Promise<void>;
  /** Whether it is still there, with its size. */
  readonly holds: (source: Source, suffix: string, bytes: number) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

/** Results in a folder of their own, with the tree and the names of the sources. */
export async function resultsIn(folder: string): Promise<Results> {
  const unfinished = await openUnfinished(folder);
  const pathOf = ({ name }: Source, suffix: string) => join(folder, name + suffix);
  return {
    folder,
    inPlace: false,
    async admit(source, suffix) {
      if (suffix !== '' && (await ifPresent(lstat(source.path + suffix)))) {
        const detail = `Its result would have the name of another file, ${source.name}${suffix}. Rename one of them`;
        throw new DomainError('invalid_request', detail);
      }
    },
    async write(source, suffix, bytes) {
      const path = pathOf(source, suffix);
      await mkdir(dirname(path), { recursive: true });
      if (!isWithin(await realpath(dirname(path)), folder)) {
        throw new DomainError('invalid_request', 'A symbolic link leads its result out of the folder of --out');
      }
      await replace(path, unfinished, bytes, { sync: false });
    },
    holds: async (source, suffix, bytes) => (await ifPresent(stat(pathOf(source, suffix))))?.size === bytes,
    close: () => rm(unfinished, { recursive: true, force: true }),
  };
}

/** Results that replace their sources. */
export async function resultsInPlace(root: string): Promise<Results> {
  const unfinished = await openUnfinished(root);
  return {
    folder: root,
    inPlace: true,
    async admit({ path }, suffix) {
      const stats = await lstat(path);
      if (suffix !== '') {
        throw new DomainError('unsupported_image', `Its result is another format (${suffix.slice(1)}). Use --out`);
      }
      if (stats.isSymbolicLink()) {
        throw new DomainError('invalid_request', 'This is a symbolic link. Name the file that it leads to');
      }
      if ((stats.mode & 0o222) === 0) {
        throw new DomainError('invalid_request', 'The file is read-only. Make it writable, or use --out');
      }
    },
    write: ({ path }, _suffix, bytes, stats) => replace(path, unfinished, bytes, { sync: true, like: stats }),
    // The source is the result: whoever asks has found its digest in the report.
    holds: () => Promise.resolve(true),
    close: () => rm(unfinished, { recursive: true, force: true }),
  };
}

/** Removes what a killed run has left. */
async function openUnfinished(folder: string): Promise<string> {
  const unfinished = join(folder, UNFINISHED_FOLDER);
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  return unfinished;
}

/** @param like whose permissions and owner the file gets */
async function replace(
  path: string,
  unfinished: string,
  bytes: Uint8Array,
  { sync, like }: { readonly sync: boolean; readonly like?: Stats },
): Promise<void> {
  await writeDurably(path, [bytes], sync, {
    unfinished: join(unfinished, 'result'),
    mode: MODE,
    prepare: async (name) => {
      if (!like) return;
      await chown(name, like.uid, like.gid);
      await chmod(name, like.mode & 0o7777);
    },
  });
}

import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { v7, validate } from 'uuid';
import { DomainError } from '../../errors/domain-error.ts';
import { ifPresent, makeFolder, tryToWrite, UNFINISHED, writeDurably } from '../../files/durable-file.ts';
import type { FinishedJob } from '../job.ts';
import {
  DamagedEntryError,
  decodeEntry,
  encodeEntry,
  readRecord,
  type SpooledJob,
  type SpooledRecord,
} from './spool-entry.ts';

const SUFFIX = '.job';
/** Subfolder for damaged files. A rename needs the same file system. */
const DAMAGED = 'damaged';
/** Longer than any request: an unfinished file of this age was left by a process that crashed. */
const ABANDONED_AFTER_MS = 15 * 60_000;
/** An unfinished file that is younger may still be written. */
const STILL_WRITING_MS = 60_000;
/** Size of a trial write if no job has failed: smaller than any image. */
const TRIAL_BYTES = 65_536;
const TRIAL_EVERY_MS = 1000;

export type FullPolicy = 'oldest' | 'refuse';

/** The spool has no room. */
export class SpoolFullError extends Error {
  override readonly name = 'SpoolFullError';
}

export interface SpoolOptions {
  readonly folder: string;
  readonly maxBytes: number;
  readonly fullPolicy: FullPolicy;
  readonly fsync: boolean;
  /** Called for each job that is lost because the spool is full. */
  readonly onLost: (id: string) => void;
  /** Called for each damaged file after it was moved aside. */
  readonly onDamaged: (name: string, reason: string) => void;
}

/** A file with a job, in any folder of the spool */
export interface SpoolFile {
  readonly path: string;
  readonly jobId: string;
  /** Null: its header cannot be read. It may belong to any image. */
  readonly record: SpooledRecord | null;
}

interface Waiting {
  readonly bytes: number;
  /** Time of `performance.now()`, which is not affected by changes of the system clock */
  readonly since: number;
}

/**
 * Jobs on disk that wait to be stored, one file each. The name is the ID of the job, so that names sort by time. Only a job
 * with a file may be stored: without one, it has been stored, lost or erased. Damaged files are moved aside to a folder.
 *
 * Several processes may share the folder. Each counts the files that it knows: those that existed when it started, and its
 * own. If two of them store the same job, it is stored once.
 */
export class Spool {
  readonly damagedFolder: string;
  readonly #options: SpoolOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #writing = new Set<string>();
  #bytes = 0;
  #damaged = 0;
  #failure: { readonly error: unknown; readonly bytes: number; readonly at: number } | null = null;

  private constructor(options: SpoolOptions) {
    this.#options = options;
    this.damagedFolder = join(options.folder, DAMAGED);
  }

  static async open(options: SpoolOptions): Promise<Spool> {
    await makeFolder(options.folder, true);
    const spool = new Spool(options);
    await spool.refresh();
    return spool;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get files(): number {
    return this.#waiting.size;
  }

  /** Number of damaged files at the last refresh */
  get damaged(): number {
    return this.#damaged;
  }

  /** IDs of waiting jobs, oldest first */
  get ids(): string[] {
    return [...this.#waiting.keys()].sort();
  }

  /** Error of the last attempt to write; null: it succeeded. */
  get failure(): unknown {
    return this.#failure?.error ?? null;
  }

  /** How long the job has waited, independent of the system clock. */
  waitedMs(id: string): number {
    const waiting = this.#waiting.get(id);
    return waiting ? performance.now() - waiting.since : 0;
  }

  /** 0: no job waits. */
  get longestWaitMs(): number {
    let first = Infinity;
    for (const { since } of this.#waiting.values()) first = Math.min(first, since);
    return first === Infinity ? 0 : performance.now() - first;
  }

  /**
   * Called before a job of at least so many bytes is processed.
   * @throws SpoolFullError, or the error of the file system, if it could not be written
   */
  async admit(bytes: number): Promise<void> {
    const failure = this.#failure;
    if (failure && bytes >= failure.bytes) {
      if (performance.now() - failure.at < TRIAL_EVERY_MS) throw failure.error;
      // One request tries; those that arrive in the meantime fail without a trial.
      this.#failure = { ...failure, at: performance.now() };
    }
    if (failure || !this.#hasRoomFor(bytes)) await this.check(bytes);
  }

  /**
   * Tries to write so many bytes; by default, as many as could not be written the last time.
   * @throws SpoolFullError, or the error of the file system
   */
  async check(bytes: number = this.#failure?.bytes ?? TRIAL_BYTES): Promise<void> {
    const { folder, fsync } = this.#options;
    await this.#attempt(bytes, async () => {
      if (!this.#hasRoomFor(bytes)) throw new SpoolFullError('the spool is full');
      await tryToWrite(folder, bytes, fsync);
    });
  }

  /**
   * When it resolves, the job survives the end of this process and, with fsync, a failure of the machine.
   * @throws SpoolFullError, or the error of the file system; nothing of the job is left then
   */
  async write(job: FinishedJob): Promise<void> {
    const parts = await encodeEntry(job);
    const bytes = sum(parts.map(({ byteLength }) => byteLength));
    const path = this.#pathOf(job.id);
    this.#writing.add(job.id);
    try {
      // Counted before it is written, so that jobs that finish at the same time do not use the same space.
      this.#count(job.id, bytes);
      await this.#attempt(bytes, async () => {
        await this.#makeRoom(bytes);
        await writeDurably(path, parts, this.#options.fsync);
      });
    } catch (error) {
      this.#discount(job.id);
      // If only the sync of the folder failed, the file exists.
      await ifPresent(rm(path));
      throw error;
    } finally {
      this.#writing.delete(job.id);
    }
  }

  /**
   * @returns undefined if the job is no longer in the spool
   * @throws DamagedEntryError
   */
  async read(id: string): Promise<SpooledJob | undefined> {
    const content = await ifPresent(readFile(this.#pathOf(id)));
    return content && decodeEntry(content);
  }

  async has(id: string): Promise<boolean> {
    return (await ifPresent(stat(this.#pathOf(id)))) !== undefined;
  }

  async remove(id: string): Promise<void> {
    await rm(this.#pathOf(id), { force: true });
    this.#discount(id);
  }

  /** Moves a damaged job to its own folder, where an operator can examine it. */
  async moveAside(id: string, reason: string): Promise<void> {
    await this.#moveAside(`${id}${SUFFIX}`, reason);
    this.#discount(id);
  }

  /** Reads the folder again: other processes may have added and removed files. */
  async refresh(): Promise<void> {
    const present = await this.#scan();
    for (const [id, bytes] of present) this.#count(id, bytes);
    for (const id of this.ids) {
      if (!present.has(id) && !(await this.has(id))) this.#discount(id);
    }
    this.#damaged = ((await ifPresent(readdir(this.damagedFolder))) ?? []).length;
  }

  /** The file of a job that waits or was moved aside; null: there is none. */
  async find(id: string): Promise<SpoolFile | null> {
    const waiting = await openFile(this.#pathOf(id));
    if (waiting) return waiting;
    const path = (await this.#damagedPaths()).find((candidate) => jobIdOf(candidate) === id);
    return path === undefined ? null : openFile(path);
  }

  /**
   * All files with the image of this digest, of all processes: waiting, left unfinished by a killed process, or moved
   * aside. Damaged files with an unreadable header are included, because they may contain it.
   * @throws DomainError storage_unavailable if another process may be about to finish one
   */
  async findByOriginal(sha256: string): Promise<SpoolFile[]> {
    await this.refresh();
    const found: SpoolFile[] = [];
    // In the order in which files move, so that a file that moves in the meantime is not missed.
    for (const path of await this.#unfinishedPaths()) {
      const file = await openFile(path);
      if (file?.record?.original?.sha256 !== sha256 || this.#writing.has(file.jobId)) continue;
      await assertAbandoned(path);
      found.push(file);
    }
    for (const id of this.ids) {
      const file = await openFile(this.#pathOf(id));
      if (file?.record === null) await this.moveAside(id, 'its header cannot be read');
      else if (file?.record.original?.sha256 === sha256) found.push(file);
    }
    for (const path of await this.#damagedPaths()) {
      const file = await openFile(path);
      if (file && (file.record === null || file.record.original?.sha256 === sha256)) found.push(file);
    }
    return found;
  }

  /** Deletes these files. */
  async discard(files: readonly SpoolFile[]): Promise<void> {
    for (const { path } of files) await rm(path, { force: true });
    await this.refresh();
  }

  /** Damaged files that were written before the limit */
  async damagedBefore(limit: Date): Promise<SpoolFile[]> {
    const found: SpoolFile[] = [];
    for (const path of await this.#damagedPaths()) {
      const file = await ifPresent(stat(path));
      if (file && file.mtime < limit) found.push({ path, jobId: jobIdOf(path), record: null });
    }
    return found;
  }

  /** Remembers a failure to write so many bytes until as many have been written. */
  async #attempt(bytes: number, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      // A job that is larger than the spool says nothing about other jobs.
      if (bytes <= this.#options.maxBytes) this.#failure = { error, bytes, at: performance.now() };
      throw error;
    }
    if (this.#failure && bytes >= this.#failure.bytes) this.#failure = null;
  }

  #hasRoomFor(bytes: number): boolean {
    return this.#bytes + bytes <= this.#options.maxBytes;
  }

  /** For a job of so many bytes, which are already counted */
  async #makeRoom(bytes: number): Promise<void> {
    const { maxBytes, fullPolicy, onLost } = this.#options;
    if (this.#bytes <= maxBytes) return;
    if (fullPolicy === 'refuse' || bytes > maxBytes) throw new SpoolFullError('the spool is full');
    for (const id of this.ids) {
      if (this.#bytes <= maxBytes) return;
      if (this.#writing.has(id)) continue;
      await this.remove(id);
      onLost(id);
    }
  }

  /**
   * Sizes of the waiting files by job ID. Files that are named like a job but are none are moved aside. Unfinished files of
   * crashed processes are deleted: their requests got no response.
   */
  async #scan(): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    for (const entry of await readdir(this.#options.folder, { withFileTypes: true })) {
      const path = join(this.#options.folder, entry.name);
      if (entry.name.endsWith(SUFFIX)) {
        const id = jobIdOf(path);
        const file = await ifPresent(stat(path));
        if (!entry.isFile() || !validate(id)) await this.#moveAside(entry.name, 'not a spool file');
        else if (file) sizes.set(id, file.size);
      } else if (entry.name.endsWith(UNFINISHED) && entry.isFile() && !this.#writing.has(jobIdOf(path))) {
        const file = await ifPresent(stat(path));
        if (file && Date.now() - file.mtimeMs > ABANDONED_AFTER_MS) await rm(path, { force: true });
      }
    }
    return sizes;
  }

  async #moveAside(name: string, reason: string): Promise<void> {
    const { folder, onDamaged } = this.#options;
    await makeFolder(this.damagedFolder, true);
    const moved = rename(join(folder, name), join(this.damagedFolder, `${name}.${v7()}`)).then(() => true);
    // Another process may have been faster; then that one has reported it.
    if ((await ifPresent(moved)) === undefined) return;
    this.#damaged++;
    onDamaged(name, reason);
  }

  async #unfinishedPaths(): Promise<string[]> {
    const { folder } = this.#options;
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith(UNFINISHED))
      .map(({ name }) => join(folder, name));
  }

  /** Files only: folders contain no job. */
  async #damagedPaths(): Promise<string[]> {
    const entries = (await ifPresent(readdir(this.damagedFolder, { withFileTypes: true }))) ?? [];
    return entries.filter((entry) => entry.isFile()).map(({ name }) => join(this.damagedFolder, name));
  }

  #count(id: string, bytes: number): void {
    const since = this.#waiting.get(id)?.since ?? performance.now() - ageOf(id);
    this.#discount(id);
    this.#waiting.set(id, { bytes, since });
    this.#bytes += bytes;
  }

  #discount(id: string): void {
    this.#bytes -= this.#waiting.get(id)?.bytes ?? 0;
    this.#waiting.delete(id);
  }

  #pathOf(id: string): string {
    return join(this.#options.folder, `${id}${SUFFIX}`);
  }
}

/** Null: the file does not exist any more. */
async function openFile(path: string): Promise<SpoolFile | null> {
  const file = await ifPresent(open(path, 'r'));
  if (!file) return null;
  try {
    return { path, jobId: jobIdOf(path), record: await readRecord(file) };
  } catch (error) {
    if (!(error instanceof DamagedEntryError)) throw error;
    return { path, jobId: jobIdOf(path), record: null };
  } finally {
    await file.close();
  }
}

/** @throws DomainError storage_unavailable if another process may still be writing the file */
async function assertAbandoned(path: string): Promise<void> {
  const file = await ifPresent(stat(path));
  if (!file || Math.abs(Date.now() - file.mtimeMs) > STILL_WRITING_MS) return;
  throw new DomainError('storage_unavailable', 'A job of this image is being written. Try again in a minute', {
    headers: { 'retry-after': '60' },
  });
}

/** Each name in the spool starts with the ID of the job. */
function jobIdOf(path: string): string {
  const name = basename(path);
  return name.slice(0, name.indexOf('.'));
}

/** A UUID v7 starts with the milliseconds since 1970. The age is 0 if the clock was set back in the meantime. */
function ageOf(id: string): number {
  return Math.max(0, Date.now() - parseInt(id.replaceAll('-', '').slice(0, 12), 16));
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

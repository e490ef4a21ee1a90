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
/** Below the spool itself: what cannot be read is moved there, which needs the same file system. */
const DAMAGED = 'damaged';
/** No request lives so long: a file that is unfinished after it was left by a process that died. */
const ABANDONED_AFTER_MS = 15 * 60_000;
/** Who erases does not wait so long: a file is written in a moment. */
const STILL_WRITING_MS = 60_000;
/** What is tried to be written where no job has failed: less than any image takes. */
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
  /** Told of each job that is given up for want of room. */
  readonly onGivenUp: (id: string) => void;
  /** Told of each file that is not what was written to the spool, once it is put aside. */
  readonly onDamaged: (name: string, reason: string) => void;
}

/** A file that holds a job, wherever in the spool. */
export interface SpoolFile {
  readonly path: string;
  readonly jobId: string;
  /** Null: its header cannot be read. It may be of any image. */
  readonly record: SpooledRecord | null;
}

interface Waiting {
  readonly bytes: number;
  /** On the clock of `performance.now()`, which nobody sets. */
  readonly since: number;
}

/**
 * Jobs on disk that wait to be stored, one file each, named by its id: in the order of their names they are in the order
 * of their time. A job's file is what entitles it to be stored: once it is gone, the job is stored, given up or erased.
 * What is there by the name of a job but is none, or is damaged, is put aside into a folder.
 *
 * Several processes may share the folder. Each counts the files that it knows of: those that were there when it started,
 * and its own. A job that two of them store is stored once.
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

  /** Files that were put aside, when it was last looked. */
  get damaged(): number {
    return this.#damaged;
  }

  /** Those that wait, oldest first. */
  get ids(): string[] {
    return [...this.#waiting.keys()].sort();
  }

  /** What the last attempt to write failed with; null: it can be written. */
  get failure(): unknown {
    return this.#failure?.error ?? null;
  }

  /** How long the job has waited, whatever happened to the clock meanwhile. */
  waitedMs(id: string): number {
    const waiting = this.#waiting.get(id);
    return waiting ? performance.now() - waiting.since : 0;
  }

  /** 0: none waits. */
  get longestWaitMs(): number {
    let first = Infinity;
    for (const { since } of this.#waiting.values()) first = Math.min(first, since);
    return first === Infinity ? 0 : performance.now() - first;
  }

  /**
   * Asked before anything is done for a job of at least so many bytes.
   * @throws SpoolFullError, or what the file system said, where it could not be written
   */
  async admit(bytes: number): Promise<void> {
    const failure = this.#failure;
    if (failure && bytes >= failure.bytes) {
      if (performance.now() - failure.at < TRIAL_EVERY_MS) throw failure.error;
      // Those that come while it is tried do not try as well.
      this.#failure = { ...failure, at: performance.now() };
    }
    if (failure || !this.#hasRoomFor(bytes)) await this.check(bytes);
  }

  /**
   * Tries whether so many bytes can be written: if not told, as many as could not be written the last time.
   * @throws SpoolFullError, or what the file system said
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
   * @throws SpoolFullError, or what the file system said; then nothing of the job is kept
   */
  async write(job: FinishedJob): Promise<void> {
    const parts = await encodeEntry(job);
    const bytes = sum(parts.map(({ byteLength }) => byteLength));
    const path = this.#pathOf(job.id);
    this.#writing.add(job.id);
    try {
      // Counted before it is written, so that jobs that finish at once do not all take the same room.
      this.#count(job.id, bytes);
      await this.#attempt(bytes, async () => {
        await this.#makeRoom(bytes);
        await writeDurably(path, parts, this.#options.fsync);
      });
    } catch (error) {
      this.#discount(job.id);
      // It has its name already where only the folder did not reach the disk.
      await ifPresent(rm(path));
      throw error;
    } finally {
      this.#writing.delete(job.id);
    }
  }

  /**
   * Undefined: the job is not there any more.
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

  /** Moves a damaged job out of the way, for people to look at. */
  async putAside(id: string, reason: string): Promise<void> {
    await this.#putAside(`${id}${SUFFIX}`, reason);
    this.#discount(id);
  }

  /** Looks at the folder anew: other processes that share it may have come and gone. */
  async refresh(): Promise<void> {
    const present = await this.#look();
    for (const [id, bytes] of present) this.#count(id, bytes);
    for (const id of this.ids) {
      if (!present.has(id) && !(await this.has(id))) this.#discount(id);
    }
    this.#damaged = ((await ifPresent(readdir(this.damagedFolder))) ?? []).length;
  }

  /** The file of a job that waits or was put aside; null: there is none. */
  async find(id: string): Promise<SpoolFile | null> {
    const waiting = await openFile(this.#pathOf(id));
    if (waiting) return waiting;
    const path = (await this.#damagedPaths()).find((candidate) => jobIdOf(candidate) === id);
    return path === undefined ? null : openFile(path);
  }

  /**
   * All files with the image of this digest, whoever wrote them: those that wait, those that a killed process left
   * unfinished, and those that were put aside. With those put aside whose header cannot be read: they may have it.
   * @throws DomainError storage_unavailable where another process may be about to finish one
   */
  async findByOriginal(sha256: string): Promise<SpoolFile[]> {
    await this.refresh();
    const found: SpoolFile[] = [];
    // In the order in which a file moves, so that none is missed that moves meanwhile.
    for (const path of await this.#unfinishedPaths()) {
      const file = await openFile(path);
      if (file?.record?.original?.sha256 !== sha256 || this.#writing.has(file.jobId)) continue;
      await assertAbandoned(path);
      found.push(file);
    }
    for (const id of this.ids) {
      const file = await openFile(this.#pathOf(id));
      if (file?.record === null) await this.putAside(id, 'its header cannot be read');
      else if (file?.record.original?.sha256 === sha256) found.push(file);
    }
    for (const path of await this.#damagedPaths()) {
      const file = await openFile(path);
      if (file && (file.record === null || file.record.original?.sha256 === sha256)) found.push(file);
    }
    return found;
  }

  /** Removes files that were found. */
  async discard(files: readonly SpoolFile[]): Promise<void> {
    for (const { path } of files) await rm(path, { force: true });
    await this.refresh();
  }

  /** Files that were put aside and written before then. */
  async damagedBefore(limit: Date): Promise<SpoolFile[]> {
    const found: SpoolFile[] = [];
    for (const path of await this.#damagedPaths()) {
      const file = await ifPresent(stat(path));
      if (file && file.mtime < limit) found.push({ path, jobId: jobIdOf(path), record: null });
    }
    return found;
  }

  /** What becomes of an attempt to write so many bytes is remembered until as many are written. */
  async #attempt(bytes: number, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      // That a job is larger than the whole spool says nothing of other jobs.
      if (bytes <= this.#options.maxBytes) this.#failure = { error, bytes, at: performance.now() };
      throw error;
    }
    if (this.#failure && bytes >= this.#failure.bytes) this.#failure = null;
  }

  #hasRoomFor(bytes: number): boolean {
    return this.#bytes + bytes <= this.#options.maxBytes;
  }

  /** For a job of so many bytes, which are counted already. */
  async #makeRoom(bytes: number): Promise<void> {
    const { maxBytes, fullPolicy, onGivenUp } = this.#options;
    if (this.#bytes <= maxBytes) return;
    if (fullPolicy === 'refuse' || bytes > maxBytes) throw new SpoolFullError('the spool is full');
    for (const id of this.ids) {
      if (this.#bytes <= maxBytes) return;
      if (this.#writing.has(id)) continue;
      await this.remove(id);
      onGivenUp(id);
    }
  }

  /**
   * Sizes of what waits, by id. What has the name of a job and cannot be one is put aside; what writers left unfinished
   * when they died is removed: their requests were never answered.
   */
  async #look(): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    for (const entry of await readdir(this.#options.folder, { withFileTypes: true })) {
      const path = join(this.#options.folder, entry.name);
      if (entry.name.endsWith(SUFFIX)) {
        const id = jobIdOf(path);
        const file = await ifPresent(stat(path));
        if (!entry.isFile() || !validate(id)) await this.#putAside(entry.name, 'not a spool file');
        else if (file) sizes.set(id, file.size);
      } else if (entry.name.endsWith(UNFINISHED) && entry.isFile() && !this.#writing.has(jobIdOf(path))) {
        const file = await ifPresent(stat(path));
        if (file && Date.now() - file.mtimeMs > ABANDONED_AFTER_MS) await rm(path, { force: true });
      }
    }
    return sizes;
  }

  async #putAside(name: string, reason: string): Promise<void> {
    const { folder, onDamaged } = this.#options;
    await makeFolder(this.damagedFolder, true);
    const moved = rename(join(folder, name), join(this.damagedFolder, `${name}.${v7()}`)).then(() => true);
    // Another process may have been faster; then it has told.
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

  /** Of files alone: what else was put aside holds no job. */
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

/** Null: there is no such file any more. */
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

/** @throws DomainError storage_unavailable where another process may write the file yet */
async function assertAbandoned(path: string): Promise<void> {
  const file = await ifPresent(stat(path));
  if (!file || Math.abs(Date.now() - file.mtimeMs) > STILL_WRITING_MS) return;
  throw new DomainError('storage_unavailable', 'A job of this image is being written. Try again in a minute', {
    headers: { 'retry-after': '60' },
  });
}

/** Each name in the spool starts with the job's id. */
function jobIdOf(path: string): string {
  const name = basename(path);
  return name.slice(0, name.indexOf('.'));
}

/** A UUID v7 starts with the milliseconds since 1970. Where the clock was set back since, it has no age yet. */
function ageOf(id: string): number {
  return Math.max(0, Date.now() - parseInt(id.replaceAll('-', '').slice(0, 12), 16));
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

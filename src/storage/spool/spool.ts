import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifPresent, makeFolder, UNFINISHED, writeDurably } from '../../files/durable-file.ts';
import type { FinishedJob } from '../job.ts';
import { DamagedEntryError, decodeEntry, encodeEntry, readOriginalDigest, type SpooledJob } from './spool-entry.ts';

const SUFFIX = '.job';
/** No request lives so long: a file that is unfinished after it was left by a process that died. */
const ABANDONED_AFTER_MS = 15 * 60_000;

export type FullPolicy = 'oldest' | 'refuse';

/** The spool has no room, and its policy is to refuse. */
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
}

/**
 * Jobs on disk that wait to be stored, one file each, named by its id: in the order of their names they are in the order
 * of their time. A job's file is what entitles it to be stored: once it is gone, the job is stored, given up or erased.
 *
 * Several processes may share the folder. Each counts the files that it knows of: those that were there when it started,
 * and its own. A job that two of them store is stored once.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #sizes: Map<string, number>;
  readonly #writing = new Set<string>();
  #bytes: number;

  private constructor(options: SpoolOptions, sizes: Map<string, number>) {
    this.#options = options;
    this.#sizes = sizes;
    this.#bytes = sum(sizes.values());
  }

  static async open(options: SpoolOptions): Promise<Spool> {
    await makeFolder(options.folder, true);
    return new Spool(options, await readSizes(options.folder));
  }

  get bytes(): number {
    return this.#bytes;
  }

  get files(): number {
    return this.#sizes.size;
  }

  /** Those that wait, oldest first. */
  get ids(): string[] {
    return [...this.#sizes.keys()].sort();
  }

  /** Whether a job of about so many bytes would be taken: false only where the policy is to refuse. */
  hasRoomFor(bytes: number): boolean {
    return this.#options.fullPolicy === 'oldest' || this.#bytes + bytes <= this.#options.maxBytes;
  }

  /**
   * When it resolves, the job survives the end of this process and, with fsync, a failure of the machine.
   * @throws SpoolFullError, or what the file system said; then nothing of the job is kept
   */
  async write(job: FinishedJob): Promise<void> {
    const parts = await encodeEntry(job);
    const bytes = sum(parts.map(({ byteLength }) => byteLength));
    this.#writing.add(job.id);
    try {
      // Counted before it is written, so that jobs that finish at once do not all take the same room.
      this.#count(job.id, bytes);
      await this.#makeRoom(bytes);
      await writeDurably(this.#pathOf(job.id), parts, this.#options.fsync);
    } catch (error) {
      this.#discount(job.id);
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

  /** Looks at the folder anew: other processes that share it may have come and gone. */
  async refresh(): Promise<void> {
    const present = await readSizes(this.#options.folder);
    for (const [id, bytes] of present) this.#count(id, bytes);
    for (const id of this.ids) {
      if (!present.has(id) && !(await this.has(id))) this.#discount(id);
    }
  }

  /** Ids of the jobs whose original has this digest, whoever wrote them. */
  async findByOriginal(sha256: string): Promise<string[]> {
    await this.refresh();
    const found: string[] = [];
    for (const id of this.ids) {
      if ((await this.#digestOf(id)) === sha256) found.push(id);
    }
    return found;
  }

  /** Since when the oldest has waited; null: none waits. */
  get oldestSince(): Date | null {
    const [oldest] = this.ids;
    return oldest === undefined ? null : timeOf(oldest);
  }

  /** Null: it has none, or is gone or damaged; who stores it will see to that. */
  async #digestOf(id: string): Promise<string | null> {
    const file = await ifPresent(open(this.#pathOf(id), 'r'));
    if (!file) return null;
    try {
      return await readOriginalDigest(file);
    } catch (error) {
      if (error instanceof DamagedEntryError) return null;
      throw error;
    } finally {
      await file.close();
    }
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

  #count(id: string, bytes: number): void {
    this.#discount(id);
    this.#sizes.set(id, bytes);
    this.#bytes += bytes;
  }

  #discount(id: string): void {
    this.#bytes -= this.#sizes.get(id) ?? 0;
    this.#sizes.delete(id);
  }

  #pathOf(id: string): string {
    return join(this.#options.folder, `${id}${SUFFIX}`);
  }
}

/** Sizes by id. Files that writers left unfinished when they died are removed: their requests were never answered. */
async function readSizes(folder: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const file = await ifPresent(stat(path));
    if (!file) continue;
    if (name.endsWith(SUFFIX)) sizes.set(name.slice(0, -SUFFIX.length), file.size);
    else if (name.endsWith(UNFINISHED) && Date.now() - file.mtimeMs > ABANDONED_AFTER_MS)
      await rm(path, { force: true });
  }
  return sizes;
}

/** A UUID v7 starts with the milliseconds since 1970. */
export function timeOf(id: string): Date {
  return new Date(parseInt(id.replaceAll('-', '').slice(0, 12), 16));
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

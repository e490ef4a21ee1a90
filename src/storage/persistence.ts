import { epochMs } from '../tracing/trace.ts';
import type { Archive } from './archive.ts';
import type { Spool } from './spool/spool.ts';
import { DamagedEntryError, type SpooledJob, type SpooledRecord } from './spool/spool-entry.ts';

export interface PersistenceOptions {
  /** Jobs that are stored at once: so many are in memory, whatever waits in the spool. */
  readonly concurrency: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

export const PERSISTENCE_DEFAULTS: PersistenceOptions = { concurrency: 3, firstDelayMs: 500, longestDelayMs: 30_000 };

/** What happens to jobs, for the log and the metrics. */
export interface PersistenceEvents {
  stored(id: string): void;
  /** One attempt, whether it succeeded or not. Times in milliseconds since the epoch. */
  tried(job: SpooledJob, start: number, end: number, error: unknown): void;
  /** Not now: it stays in the spool and is tried again. */
  failed(id: string, attempt: number, retryInMs: number, error: unknown): void;
}

interface Waiting {
  readonly id: string;
  readonly failures: number;
  /** Times to wait for are on the clock of `performance.now()`: nobody sets it back. */
  readonly notBefore: number;
  /** What the archive was given in an attempt that failed; null: nothing yet. */
  readonly tried: SpooledRecord | null;
}

/**
 * Moves jobs from the spool to the archive, beside the requests. After a failure it waits longer each time, for each job
 * by itself, and for all of them while none succeeds: a database that is away is asked by one job at a time, and a job
 * that can't be stored does not stop the others.
 */
export class Persistence {
  readonly #spool: Spool;
  readonly #archive: Archive;
  readonly #events: PersistenceEvents;
  readonly #options: PersistenceOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #running = new Map<string, Promise<void>>();
  #failuresInARow = 0;
  #pausedUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(spool: Spool, archive: Archive, events: PersistenceEvents, options: PersistenceOptions) {
    this.#spool = spool;
    this.#archive = archive;
    this.#events = events;
    this.#options = options;
  }

  /** Whether the last attempt failed. */
  get isFailing(): boolean {
    return this.#failuresInARow > 0;
  }

  /** Takes up all that waits in the spool. */
  start(): void {
    for (const id of this.#spool.ids) this.add(id);
  }

  /** Takes up a job that has been written to the spool. */
  add(id: string): void {
    if (this.#waiting.has(id) || this.#running.has(id)) return;
    this.#waiting.set(id, { id, failures: 0, notBefore: 0, tried: null });
    this.#advance();
  }

  /** Tries all that waits at once, however long it would have waited. */
  retryNow(): void {
    this.#pausedUntil = 0;
    for (const waiting of this.#waiting.values()) this.#waiting.set(waiting.id, { ...waiting, notBefore: 0 });
    this.start();
    this.#advance();
  }

  /** Those that are being stored are finished; the others stay in the spool for the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#running.values());
  }

  #advance(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const now = performance.now();
    if (this.#pausedUntil > now) {
      this.#advanceIn(this.#pausedUntil - now);
      return;
    }
    const limit = this.isFailing ? 1 : this.#options.concurrency;
    let nextDue = Infinity;
    for (const waiting of this.#waiting.values()) {
      if (this.#running.size >= limit) return;
      if (waiting.notBefore <= now) this.#run(waiting);
      else nextDue = Math.min(nextDue, waiting.notBefore);
    }
    if (nextDue < Infinity) this.#advanceIn(nextDue - now);
  }

  #advanceIn(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#advance();
    }, ms).unref();
  }

  #run(waiting: Waiting): void {
    this.#waiting.delete(waiting.id);
    const running = this.#store(waiting).finally(() => {
      this.#running.delete(waiting.id);
      this.#advance();
    });
    this.#running.set(waiting.id, running);
  }

  async #store({ id, failures, tried }: Waiting): Promise<void> {
    let record = tried;
    try {
      const job = await this.#readSound(id);
      record = job ? withoutBytes(job) : tried;
      const stored = job !== undefined && (await this.#archived(job));
      // Erased, given up or put aside since: what an attempt put of it is not wanted either.
      if (!stored && tried) await this.#archive.withdraw(tried);
      await this.#spool.remove(id);
      this.#failuresInARow = 0;
      if (stored) this.#events.stored(id);
    } catch (error) {
      this.#postpone({ id, failures: failures + 1, tried: record }, error);
    }
  }

  async #archived(job: SpooledJob): Promise<boolean> {
    const start = epochMs();
    try {
      const stored = await this.#archive.store(job, () => this.#spool.has(job.id));
      this.#events.tried(job, start, epochMs(), undefined);
      return stored;
    } catch (error) {
      this.#events.tried(job, start, epochMs(), error);
      throw error;
    }
  }

  /** Undefined: it was erased, or it is damaged and was put aside. */
  async #readSound(id: string): Promise<SpooledJob | undefined> {
    try {
      return await this.#spool.read(id);
    } catch (error) {
      if (!(error instanceof DamagedEntryError)) throw error;
      await this.#spool.putAside(id, error.message);
      return undefined;
    }
  }

  #postpone({ id, failures, tried }: Omit<Waiting, 'notBefore'>, error: unknown): void {
    this.#failuresInARow++;
    const now = performance.now();
    this.#pausedUntil = now + this.#delayAfter(this.#failuresInARow);
    const delay = this.#delayAfter(failures);
    // At the back: those that have not been tried come first.
    this.#waiting.set(id, { id, failures, tried, notBefore: now + delay });
    this.#events.failed(id, failures, Math.max(delay, this.#pausedUntil - now), error);
  }

  /** Doubles each time, and varies by half, so that instances that failed together do not return together. */
  #delayAfter(failures: number): number {
    const { firstDelayMs, longestDelayMs } = this.#options;
    const delay = Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 1));
    return delay * (0.5 + Math.random() / 2);
  }
}

/** It waits in memory, and images do not. */
function withoutBytes({ original, result, ...job }: SpooledJob): SpooledRecord {
  return {
    ...job,
    original: original && { sha256: original.sha256, type: original.type },
    result: result && { sha256: result.sha256, type: result.type },
  };
}

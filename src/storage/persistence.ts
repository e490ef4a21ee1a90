import { epochMs } from '../tracing/trace.ts';
import type { Archive } from './archive.ts';
import type { Spool } from './spool/spool.ts';
import { DamagedEntryError, type SpooledJob, type SpooledRecord } from './spool/spool-entry.ts';

export interface PersistenceOptions {
  /** Maximum number of jobs stored at the same time, and therefore in memory. */
  readonly concurrency: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

export const PERSISTENCE_DEFAULTS: PersistenceOptions = { concurrency: 3, firstDelayMs: 500, longestDelayMs: 30_000 };

/** Events for the log and the metrics */
export interface PersistenceEvents {
  stored(id: string): void;
  /** One attempt, whether it succeeded or not. Times in milliseconds since the epoch. */
  tried(job: SpooledJob, start: number, end: number, error: unknown): void;
  /** The job stays in the spool and is retried. */
  failed(id: string, attempt: number, retryInMs: number, error: unknown): void;
}

interface Waiting {
  readonly id: string;
  readonly failures: number;
  /** Time of `performance.now()`, which is not affected by changes of the system clock */
  readonly notBefore: number;
  /** The record that a failed attempt gave to the archive; null: none yet. */
  readonly tried: SpooledRecord | null;
}

/**
 * Moves jobs from the spool to the archive in the background. The delay after a failure doubles each time: for each job
 * separately, and for all of them while none succeeds. An unavailable database is therefore tried with one job at a time,
 * and a job that cannot be stored does not stop the others.
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

  /** Adds all jobs in the spool. */
  start(): void {
    for (const id of this.#spool.ids) this.add(id);
  }

  /** Adds a job that has been written to the spool. */
  add(id: string): void {
    if (this.#waiting.has(id) || this.#running.has(id)) return;
    this.#waiting.set(id, { id, failures: 0, notBefore: 0, tried: null });
    this.#advance();
  }

  /** Retries all waiting jobs at once, without their delays. */
  retryNow(): void {
    this.#pausedUntil = 0;
    for (const waiting of this.#waiting.values()) this.#waiting.set(waiting.id, { ...waiting, notBefore: 0 });
    this.start();
    this.#advance();
  }

  /** Waits for the jobs that are being stored; the others stay in the spool until the next start. */
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
      const job = await this.#readUndamaged(id);
      record = job ? withoutBytes(job) : tried;
      const stored = job !== undefined && (await this.#archived(job));
      // Erased, lost or moved aside in the meantime: the objects of a failed attempt are not wanted either.
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

  /** Undefined: it was erased, or it is damaged and was moved aside. */
  async #readUndamaged(id: string): Promise<SpooledJob | undefined> {
    try {
      return await this.#spool.read(id);
    } catch (error) {
      if (!(error instanceof DamagedEntryError)) throw error;
      await this.#spool.moveAside(id, error.message);
      return undefined;
    }
  }

  #postpone({ id, failures, tried }: Omit<Waiting, 'notBefore'>, error: unknown): void {
    this.#failuresInARow++;
    const now = performance.now();
    this.#pausedUntil = now + this.#delayAfter(this.#failuresInARow);
    const delay = this.#delayAfter(failures);
    // At the end of the map: jobs that have not been tried come first.
    this.#waiting.set(id, { id, failures, tried, notBefore: now + delay });
    this.#events.failed(id, failures, Math.max(delay, this.#pausedUntil - now), error);
  }

  /** Doubles each time. Varies by half, so that instances that failed together do not retry together. */
  #delayAfter(failures: number): number {
    const { firstDelayMs, longestDelayMs } = this.#options;
    const delay = Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 1));
    return delay * (0.5 + Math.random() / 2);
  }
}

/** Records wait in memory, images do not. */
function withoutBytes({ original, result, ...job }: SpooledJob): SpooledRecord {
  return {
    ...job,
    original: original && { sha256: original.sha256, type: original.type },
    result: result && { sha256: result.sha256, type: result.type },
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../errors/domain-error.ts';
import { reasonOf } from '../errors/reason.ts';
import type { FinishedJob } from './job.ts';
import { JobRecorder, type StorageCondition } from './job-recorder.ts';
import type { ObjectStore } from './objects/object-store.ts';
import type { Persistence } from './persistence.ts';
import type { Database } from './records/database.ts';
import type { FullPolicy, Spool } from './spool/spool.ts';
import { SpoolFullError } from './spool/spool.ts';
import type { StorageLog } from './storage-log.ts';
import type { StorageMetrics } from './storage-metrics.ts';

/** How long a probe of the database or the object store may take, and how long its outcome is good for. */
const PROBE_TIMEOUT_MS = 2000;
const PROBE_EVERY_MS = 5000;
/** As the alarm FaceApiStorageStuck has it. */
const STUCK_AFTER_MS = 300_000;

export interface RecorderParts {
  readonly spool: Spool;
  readonly persistence: Persistence;
  readonly database: Database;
  readonly objects: ObjectStore;
  readonly metrics: StorageMetrics;
  readonly log: StorageLog;
  readonly fullPolicy: FullPolicy;
}

/** Storage is on: jobs go to the spool before their requests are answered, and from there to where they stay. */
export class SpoolingRecorder extends JobRecorder {
  override readonly isOn = true;
  readonly #parts: RecorderParts;
  #probed: { readonly at: number; readonly problems: Promise<string[]> } | undefined;

  constructor(parts: RecorderParts) {
    super();
    this.#parts = parts;
  }

  override async admit(bytes: number): Promise<void> {
    const { spool, fullPolicy } = this.#parts;
    if (fullPolicy === 'oldest') return;
    try {
      await spool.admit(bytes);
    } catch (error) {
      throw refusal(error);
    }
  }

  override async record(job: FinishedJob): Promise<void> {
    const { spool, persistence, metrics, log, fullPolicy } = this.#parts;
    try {
      await spool.write(job);
    } catch (error) {
      if (fullPolicy === 'refuse') {
        log.error(
          { err: error, jobId: job.id, requestId: job.requestId },
          'Request refused: its job could not be written to the spool',
        );
        throw refusal(error);
      }
      metrics.countLoss(error instanceof SpoolFullError ? 'spool_full' : 'spool_write');
      log.error(
        { err: error, jobId: job.id, requestId: job.requestId },
        'Job lost: it could not be written to the spool',
      );
      return;
    }
    persistence.add(job.id);
  }

  override async describe(): Promise<string> {
    const { database, objects, spool } = this.#parts;
    const problems = await this.#problems();
    const trouble = problems.length > 0 ? `; but ${problems.join(', and ')}` : '';
    const waiting = spool.files > 0 ? `; ${spool.files} jobs waiting in the spool` : '';
    return `Storing images in ${objects.place}, records in ${database.place}${trouble}${waiting}`;
  }

  override async condition(): Promise<StorageCondition> {
    const { spool, persistence, metrics } = this.#parts;
    const problems = await this.#problems();
    return {
      status: problems.length > 0 || persistence.isFailing ? 'degraded' : 'ok',
      spoolFiles: spool.files,
      spoolBytes: spool.bytes,
      oldestSeconds: Math.round(spool.longestWaitMs / 1000),
      damaged: spool.damaged,
      lost: metrics.lost,
      problems,
    };
  }

  /** Asked by every probe of a load balancer, but looked up only every few seconds; what requests met is known at once. */
  async #problems(): Promise<string[]> {
    const now = performance.now();
    if (!this.#probed || now - this.#probed.at > PROBE_EVERY_MS) this.#probed = { at: now, problems: this.#probe() };
    return [...(await this.#probed.problems), ...this.#problemsOfSpool()];
  }

  #problemsOfSpool(): string[] {
    const { failure, longestWaitMs } = this.#parts.spool;
    return [
      ...(failure === null ? [] : [`the spool cannot be written: ${reasonOf(failure)}`]),
      ...(longestWaitMs < STUCK_AFTER_MS ? [] : [`a job has waited for ${Math.round(longestWaitMs / 60_000)} minutes`]),
    ];
  }

  async #probe(): Promise<string[]> {
    const { database, objects, spool } = this.#parts;
    // The spool remembers itself what comes of its check.
    const [, ...outcomes] = await Promise.all([
      failureOf('the spool', () => spool.check()),
      failureOf('the database', () => database.check()),
      failureOf('the object store', () => objects.check()),
    ]);
    return outcomes.filter((outcome) => outcome !== null);
  }
}

function refusal(cause?: unknown): DomainError {
  return new DomainError(
    'storage_full',
    'The service cannot store more images at the moment. Try again in a few seconds',
    { cause, headers: { 'retry-after': '10' } },
  );
}

async function failureOf(what: string, check: () => Promise<void>): Promise<string | null> {
  const late = sleep(PROBE_TIMEOUT_MS, `${what} does not respond`, { ref: false });
  const answer = check().then(
    () => null,
    (error: unknown) => `${what} fails: ${reasonOf(error)}`,
  );
  return Promise.race([answer, late]);
}

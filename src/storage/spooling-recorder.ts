import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import { reasonOf } from '../errors/reason.ts';
import type { FinishedJob } from './job.ts';
import { JobRecorder, type StorageCondition, type StorageReach } from './job-recorder.ts';
import { ObjectStore } from './objects/object-store.ts';
import { Persistence } from './persistence.ts';
import { Database } from './records/database.ts';
import { type FullPolicy, Spool, SpoolFullError } from './spool/spool.ts';
import { StorageMetrics } from './storage-metrics.ts';

/** Timeout of a probe of the database or the object store, and how long its result is used. */
const PROBE_TIMEOUT_MS = 2000;
const PROBE_EVERY_MS = 5000;
/** As in the alert FaceApiStorageStuck */
const STUCK_AFTER_MS = 300_000;

/** Storage is on: jobs are written to the spool before the response is sent, and stored in the background. */
@Injectable()
export class SpoolingRecorder extends JobRecorder {
  override readonly isOn = true;
  private readonly logger = new Logger('Storage');
  private readonly fullPolicy: FullPolicy;
  private probed: { readonly at: number; readonly problems: Promise<string[]> } | undefined;

  constructor(
    { storage }: Configuration,
    private readonly spool: Spool,
    private readonly persistence: Persistence,
    private readonly database: Database,
    private readonly objects: ObjectStore,
    private readonly metrics: StorageMetrics,
  ) {
    super();
    this.fullPolicy = storage.spoolFullPolicy;
  }

  override async admit(bytes: number): Promise<void> {
    if (this.fullPolicy === 'oldest') return;
    try {
      await this.spool.admit(bytes);
    } catch (error) {
      throw refusal(error);
    }
  }

  override async record(job: FinishedJob): Promise<void> {
    try {
      await this.spool.write(job);
    } catch (error) {
      if (this.fullPolicy === 'refuse') {
        this.logger.error(
          { err: error, jobId: job.id, requestId: job.requestId },
          'Request refused: its job could not be written to the spool',
        );
        throw refusal(error);
      }
      this.metrics.countLoss(error instanceof SpoolFullError ? 'spool_full' : 'spool_write');
      this.logger.error(
        { err: error, jobId: job.id, requestId: job.requestId },
        'Job lost: it could not be written to the spool',
      );
      return;
    }
    this.persistence.add(job.id);
  }

  override async describe(): Promise<string> {
    const problems = await this.problems();
    const trouble = problems.length > 0 ? `; but ${problems.join(', and ')}` : '';
    const waiting = this.spool.files > 0 ? `; ${this.spool.files} jobs waiting in the spool` : '';
    return `Storing images in ${this.objects.place}, records in ${this.database.place}${trouble}${waiting}`;
  }

  override async condition(): Promise<StorageCondition> {
    const problems = await this.problems();
    return {
      status: problems.length > 0 || this.persistence.isFailing ? 'degraded' : 'ok',
      spoolFiles: this.spool.files,
      spoolBytes: this.spool.bytes,
      oldestSeconds: Math.round(this.spool.longestWaitMs / 1000),
      damaged: this.spool.damaged,
      lost: this.metrics.lost,
      problems,
    };
  }

  override async reach(): Promise<StorageReach> {
    const [database, objects] = await Promise.all(this.probePlaces());
    return {
      database: { isEmbedded: this.database.isEmbedded, latencyMs: database.latencyMs },
      objects: { place: this.objects.place, latencyMs: objects.latencyMs },
    };
  }

  /** Called by every probe of a load balancer. Database and object store are probed every few seconds, the spool each time. */
  private async problems(): Promise<string[]> {
    const now = performance.now();
    if (!this.probed || now - this.probed.at > PROBE_EVERY_MS) this.probed = { at: now, problems: this.probe() };
    return [...(await this.probed.problems), ...this.problemsOfSpool()];
  }

  private problemsOfSpool(): string[] {
    const { failure, longestWaitMs } = this.spool;
    return [
      ...(failure === null ? [] : [`the spool cannot be written: ${reasonOf(failure)}`]),
      ...(longestWaitMs < STUCK_AFTER_MS ? [] : [`a job has waited for ${Math.round(longestWaitMs / 60_000)} minutes`]),
    ];
  }

  private async probe(): Promise<string[]> {
    // The spool remembers the result of its check itself.
    const [, database, objects] = await Promise.all([
      probe('the spool', () => this.spool.check()),
      ...this.probePlaces(),
    ]);
    return [database.problem, objects.problem].filter((problem) => problem !== null);
  }

  private probePlaces(): [Promise<Probe>, Promise<Probe>] {
    return [probe('the database', () => this.database.check()), probe('the object store', () => this.objects.check())];
  }
}

function refusal(cause?: unknown): DomainError {
  return new DomainError(
    'storage_full',
    'The service cannot store more images at the moment. Try again in a few seconds',
    { cause, headers: { 'retry-after': '10' } },
  );
}

interface Probe {
  /** Null: it failed, or took too long. */
  readonly latencyMs: number | null;
  readonly problem: string | null;
}

async function probe(what: string, check: () => Promise<void>): Promise<Probe> {
  const start = performance.now();
  const late: Probe = { latencyMs: null, problem: `${what} does not respond` };
  const answer = check().then(
    () => ({ latencyMs: Math.round((performance.now() - start) * 100) / 100, problem: null }),
    (error: unknown) => ({ latencyMs: null, problem: `${what} fails: ${reasonOf(error)}` }),
  );
  return Promise.race([answer, sleep(PROBE_TIMEOUT_MS, late, { ref: false })]);
}

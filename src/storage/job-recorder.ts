import type { FinishedJob } from './job.ts';

/** How storage fares, for /health/ready and the console. */
export interface StorageCondition {
  /** degraded: jobs wait in the spool for the database or the object store; requests are answered all the same. */
  readonly status: 'ok' | 'degraded';
  readonly spoolFiles: number;
  readonly spoolBytes: number;
  /** Since when the oldest job has waited, in seconds. */
  readonly oldestSeconds: number;
  /** Jobs given up since the start of the process. */
  readonly lost: number;
  /** What is wrong at present. */
  readonly problems: readonly string[];
}

/** What detection and masking hand their jobs to. Also the token it is injected by, whether storage is on or off. */
export abstract class JobRecorder {
  /** False: nothing is kept, and nobody needs to gather what would be. */
  abstract readonly isOn: boolean;

  /** @throws DomainError storage_full, where the operator prefers refusing requests to losing jobs */
  abstract admit(bytes: number): void;

  /**
   * When it resolves, the job is safe on disk, and will be stored. It rejects only where the operator prefers refusing
   * requests to losing jobs.
   * @throws DomainError storage_full
   */
  abstract record(job: FinishedJob): Promise<void>;

  /** In one line, for the operator who starts the service: where what is kept. Null: storage is off. */
  abstract describe(): Promise<string | null>;

  /** Null: storage is off. */
  abstract condition(): Promise<StorageCondition | null>;
}

/** Storage is off: the service is stateless. */
export class NoRecorder extends JobRecorder {
  override readonly isOn = false;

  override admit(): void {
    // There is nothing that could be full.
  }

  override record(): Promise<void> {
    return Promise.resolve();
  }

  override describe(): Promise<null> {
    return Promise.resolve(null);
  }

  override condition(): Promise<null> {
    return Promise.resolve(null);
  }
}

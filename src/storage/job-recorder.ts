import type { FinishedJob } from './job.ts';

/** The status of storage, for /health/ready and the console. */
export interface StorageCondition {
  /** degraded: jobs wait in the spool for the database or the object store, or the spool itself cannot take any. */
  readonly status: 'ok' | 'degraded';
  readonly spoolFiles: number;
  readonly spoolBytes: number;
  /** Since when the oldest job has waited, in seconds. */
  readonly oldestSeconds: number;
  /** Files of the spool that were put aside as damaged. */
  readonly damaged: number;
  /** Jobs given up since the start of the process. */
  readonly lost: number;
  /** What is wrong at present. */
  readonly problems: readonly string[];
}

/** Where storage is and how long it takes to answer, in ms; null: it does not. */
export interface StorageReach {
  readonly database: { readonly isEmbedded: boolean; readonly latencyMs: number | null };
  readonly objects: { readonly place: string; readonly latencyMs: number | null };
}

/** What detection and masking hand their jobs to. Also the token it is injected by, whether storage is on or off. */
export abstract class JobRecorder {
  /** False: nothing is kept, and nobody needs to gather what would be. */
  abstract readonly isOn: boolean;

  /**
   * Asked before anything is done for a request with so many bytes.
   * @throws DomainError storage_full, unless the operator prefers losing jobs to refusing requests
   */
  abstract admit(bytes: number): Promise<void>;

  /**
   * When it resolves, the job is safe on disk, and will be stored; or it is lost, where the operator prefers that to
   * refusing requests.
   * @throws DomainError storage_full
   */
  abstract record(job: FinishedJob): Promise<void>;

  /** In one line, for the operator who starts the service: where what is kept. Null: storage is off. */
  abstract describe(): Promise<string | null>;

  /** Null: storage is off. */
  abstract condition(): Promise<StorageCondition | null>;

  /** Asks at once, whatever was known before. Null: storage is off. */
  abstract reach(): Promise<StorageReach | null>;
}

/** Storage is off: the service is stateless. */
export class NoRecorder extends JobRecorder {
  override readonly isOn = false;

  /** There is nothing that could be full. */
  override admit(): Promise<void> {
    return Promise.resolve();
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

  override reach(): Promise<null> {
    return Promise.resolve(null);
  }
}

import type { FinishedJob } from './job.ts';

/** The status of storage, for /health/ready and the console. */
export interface StorageCondition {
  /** degraded: jobs wait for the database or the object store, or the spool cannot take any more. */
  readonly status: 'ok' | 'degraded';
  readonly spoolFiles: number;
  readonly spoolBytes: number;
  /** How long the oldest job has waited. */
  readonly oldestSeconds: number;
  /** Damaged spool files that were moved aside. */
  readonly damaged: number;
  /** Jobs lost since the start of the process. */
  readonly lost: number;
  /** Current problems */
  readonly problems: readonly string[];
}

/** Location of storage and its response times in ms; null: no response. */
export interface StorageReach {
  readonly database: { readonly isEmbedded: boolean; readonly latencyMs: number | null };
  readonly objects: { readonly place: string; readonly latencyMs: number | null };
}

/** Takes the jobs of detection and masking. Also the injection token, whether storage is on or off. */
export abstract class JobRecorder {
  /** False: nothing is stored, so that jobs need not be recorded. */
  abstract readonly isOn: boolean;

  /**
   * Called before a request with so many bytes is processed.
   * @throws DomainError storage_full, unless the operator prefers losing jobs to rejecting requests
   */
  abstract admit(bytes: number): Promise<void>;

  /**
   * When it resolves, the job is on disk and will be stored; or it is lost, if the operator prefers that to rejecting
   * requests.
   * @throws DomainError storage_full
   */
  abstract record(job: FinishedJob): Promise<void>;

  /** One line for the start of the service: where images and records are stored. Null: storage is off. */
  abstract describe(): Promise<string | null>;

  /** Null: storage is off. */
  abstract condition(): Promise<StorageCondition | null>;

  /** Probes now, without a cache. Null: storage is off. */
  abstract reach(): Promise<StorageReach | null>;
}

/** Storage is off: the service is stateless. */
export class NoRecorder extends JobRecorder {
  override readonly isOn = false;

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

import type { JobKind } from '../storage/job.ts';
import type { DetectAnswer, MaskAnswer } from './worker/messages.ts';
import { processMs } from './worker/process-clock.ts';

/**
 * One image on its path from the upload to the response (docs/architecture.md), whatever its origin: what is requested,
 * and the results so far.
 */
export interface ImageRequest<Options = Readonly<Record<string, unknown>>> {
  /** Request ID, in the response, the receipt, the job and the log. */
  readonly id: string;
  readonly kind: JobKind;
  readonly options: Options;
  /** Aborts, with the reason, when the deadline has passed or the client has disconnected. */
  readonly abandoned: AbortSignal;
  readonly apiKeyName: string | null;
  /** Whether to store a job if storage is on. */
  readonly store: boolean;
  /** False: an item of a batch, which leaves permits to requests. */
  readonly isInteractive: boolean;
  /** In its own buffer, which is empty after the transfer to a thread; it is transferred back if a job is stored. */
  image: Uint8Array<ArrayBuffer>;

  /** Time at which the upload was complete, in milliseconds of `processMs`. */
  readonly receivedAt: number;
  /** Time that it waited for its permit, in milliseconds. */
  queuedMs: number;
  /** ID of its job; null: none is stored. */
  jobId: string | null;
  /** The result of detection or masking; null: none yet, or failed. */
  answer: (DetectAnswer & Partial<MaskAnswer>) | null;
  /** The options in force: those of the request, completed by the configured defaults; null: not known yet. */
  settings: Readonly<Record<string, unknown>> | null;
}

type Outcome = 'settings' | 'receivedAt' | 'queuedMs' | 'jobId' | 'answer';

export function toImageRequest<Options>(wanted: Omit<ImageRequest<Options>, Outcome>): ImageRequest<Options> {
  return { ...wanted, receivedAt: processMs(), queuedMs: 0, jobId: null, answer: null, settings: null };
}

import type { JobKind } from '../storage/job.ts';
import type { DetectAnswer, MaskAnswer } from './worker/messages.ts';

/**
 * The one object that goes the way of an image from top to bottom (docs/architecture.md), wherever the image comes from:
 * what is wanted of it, and what has come of it so far.
 */
export interface ImageRequest<Options = Readonly<Record<string, unknown>>> {
  /** Of the request that brought it; it is in the answer, the receipt, the job and the log. */
  readonly id: string;
  readonly kind: JobKind;
  readonly options: Options;
  /** Aborts, with its reason, when nobody waits for the answer any more. */
  readonly abandoned: AbortSignal;
  readonly apiKeyName: string | null;
  /** Whether a job is to be stored of it, where storage is on. */
  readonly store: boolean;
  /** In a buffer of its own, which moves to a thread and is empty then; it comes back where a job is stored. */
  image: Uint8Array<ArrayBuffer>;

  /** How long it waited for its permit, in milliseconds. */
  queuedMs: number;
  /** Of the job that is stored of it; null: none is. */
  jobId: string | null;
  /** A detection's answer, with what masking adds to it; null: none yet, or it failed. */
  answer: (DetectAnswer & Partial<MaskAnswer>) | null;
}

type Outcome = 'queuedMs' | 'jobId' | 'answer';

export function toImageRequest<Options>(wanted: Omit<ImageRequest<Options>, Outcome>): ImageRequest<Options> {
  return { ...wanted, queuedMs: 0, jobId: null, answer: null };
}

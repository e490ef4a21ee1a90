/** What is kept of a request that took an image, from the handler to the tables. */

import type { TraceContext } from '../tracing/trace.ts';

export type JobKind = 'detect' | 'mask';
export type JobStatus = 'done' | 'failed';

interface RecordedBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** As in the answer to the caller. */
export interface RecordedFace {
  readonly box: RecordedBox;
  readonly box_normalized: RecordedBox;
  readonly score: number;
  readonly landmarks?: Readonly<Record<string, { readonly x: number; readonly y: number }>> | null | undefined;
}

/** All but the bytes. It crosses the spool as JSON. */
export interface Job {
  /** UUID v7, made with the request: storing the same job twice is seen by it. */
  readonly id: string;
  readonly kind: JobKind;
  readonly status: JobStatus;
  readonly options: Readonly<Record<string, unknown>>;
  readonly faces: readonly RecordedFace[] | null;
  readonly faceCount: number | null;
  readonly maskedCount: number | null;
  readonly timings: Readonly<Record<string, number>>;
  readonly durationMs: number;
  readonly model: { readonly name: string; readonly sha256: string };
  readonly error: { readonly code: string; readonly detail: string } | null;
  readonly requestId: string;
  /** Of the request, where it was traced. Entries of a spool that an older version wrote have none. */
  readonly trace?: TraceContext | null;
  readonly apiKeyName: string | null;
  /** ISO 8601, with milliseconds. */
  readonly createdAt: string;
  /** Of the upright image; null where it could not be decoded. */
  readonly size: { readonly width: number; readonly height: number } | null;
}

export interface FinishedJob extends Job {
  /** The bytes as they were sent; null where they were lost with the thread that worked on them. */
  readonly original: Uint8Array | null;
  readonly result: { readonly type: string; readonly bytes: Uint8Array } | null;
}

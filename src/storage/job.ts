/** What is stored of a request with an image, on its way from the handler to the database. */

import type { TraceContext } from '../tracing/trace.ts';

export type JobKind = 'detect' | 'mask';
export type JobStatus = 'done' | 'failed';

interface RecordedBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** As in the response to the client */
export interface RecordedFace {
  readonly box: RecordedBox;
  readonly box_normalized: RecordedBox;
  readonly score: number;
  readonly uncertain?: true | undefined;
  /** From 0, if there are several */
  readonly frame?: number | undefined;
  readonly landmarks?: Readonly<Record<string, { readonly x: number; readonly y: number }>> | null | undefined;
}

/** Its box in pixels of the upright image, before it was grown to the blocks of the file */
export interface RecordedMask extends RecordedBox {
  readonly shape: 'ellipse' | 'box';
  readonly origin: 'detected' | 'uncertain' | 'added';
  readonly frame?: number | undefined;
}

export interface RecordedVerification {
  readonly outcome: string;
  readonly rounds: number;
  readonly added_boxes: readonly (RecordedBox & { readonly frame?: number | undefined })[];
}

export interface RecordedSearch {
  readonly smallest_face_px: number;
  /** How many */
  readonly skipped_looks: number;
}

/** Everything except the bytes. In the spool, it is JSON. */
export interface Job {
  /** UUID v7, created with the request, so that a job that is stored twice is recognized. */
  readonly id: string;
  readonly kind: JobKind;
  readonly status: JobStatus;
  readonly options: Readonly<Record<string, unknown>>;
  readonly faces: readonly RecordedFace[] | null;
  readonly faceCount: number | null;
  readonly maskedCount: number | null;
  /** How many of the faces are uncertain; null: not a masking, or it failed. Entries of older spools have none. */
  readonly uncertainCount?: number | null;
  /** The options in force, with the configured defaults; null: not known, as for a failed upload. Absent in older spools. */
  readonly settings?: Readonly<Record<string, unknown>> | null;
  /** Null: not requested. Absent in older spools. */
  readonly verification?: RecordedVerification | null;
  /** What came of the requested metadata; null: not requested. Absent in older spools. */
  readonly metadata?: Readonly<Record<string, string>> | null;
  /** Null: not a masking, or it failed. Absent in older spools. */
  readonly masks?: readonly RecordedMask[] | null;
  /** How hard faces were looked for; null: there was no search. Absent in older spools. */
  readonly search?: RecordedSearch | null;
  readonly timings: Readonly<Record<string, number>>;
  readonly durationMs: number;
  readonly model: { readonly name: string; readonly sha256: string };
  readonly error: { readonly code: string; readonly detail: string } | null;
  readonly requestId: string;
  /** Of the request, if it was traced. Absent in spool files of older versions. */
  readonly trace?: TraceContext | null;
  readonly apiKeyName: string | null;
  /** ISO 8601, with milliseconds. */
  readonly createdAt: string;
  /** Of the upright image; null if it could not be decoded. */
  readonly size: { readonly width: number; readonly height: number } | null;
}

export interface FinishedJob extends Job {
  /** The bytes as uploaded; null if they were lost when a thread crashed. */
  readonly original: Uint8Array | null;
  readonly result: { readonly type: string; readonly bytes: Uint8Array } | null;
}

import type { ErrorCode } from '../../errors/domain-error.ts';
import type { Box } from '../../vision/geometry.ts';
import type { CallerRegion, MaskOptions } from '../../vision/mask.ts';
import type { MaskStyle } from '../../vision/paint.ts';
import type { SelectionOptions } from '../../vision/faces.ts';
import type { Landmarks } from '../../vision/scrfd.ts';

/** What crosses between the main thread and a worker: plain values and transferred buffers, nothing with methods. */

export interface WorkerSettings {
  readonly modelPath: string;
  readonly ortThreads: number;
  readonly maxPixels: number;
}

export interface DetectSettings extends SelectionOptions {
  readonly threshold: number;
  /** Long side of the network's canvas in pixels; ignored by a network of fixed input size. */
  readonly inputSize: number;
  /** Look a second time at a smaller size, for faces that fill much of the photo. */
  readonly largeFaces: boolean;
}

export const OUTPUT_FORMATS = ['jpeg', 'png', 'webp', 'avif'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface MaskSettings {
  readonly plan: MaskOptions;
  readonly style: MaskStyle;
  readonly regions: readonly CallerRegion[];
  /** Absent: that of the input, PNG where the input's is not among the output formats. */
  readonly format: OutputFormat | undefined;
  readonly quality: number;
}

/** Shared with the main thread, which sets it to 1 when nobody waits for the answer any more. */
export type CancelFlag = Int32Array<SharedArrayBuffer>;

/** What every task has. */
interface ImageTask {
  readonly image: Uint8Array;
  /** Whether the image's bytes are wanted back with the answer, to be kept. */
  readonly handBack?: boolean;
  readonly cancel: CancelFlag;
}

export interface DetectTask extends ImageTask {
  readonly detect: DetectSettings;
}

export interface MaskTask extends ImageTask {
  /** Null: no inference, only the caller's regions are masked. */
  readonly detect: DetectSettings | null;
  readonly mask: MaskSettings;
}

export interface Face {
  readonly box: Box;
  readonly score: number;
  readonly landmarks: Landmarks | null;
}

export interface ImageFacts {
  /** Of the upright image, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly format: string;
}

/** Milliseconds by stage, in the order in which the stages ran. */
export type StageTimings = Readonly<Record<string, number>>;

export interface DetectAnswer {
  readonly image: ImageFacts;
  readonly faces: readonly Face[];
  readonly timings: StageTimings;
}

export interface MaskAnswer extends DetectAnswer {
  readonly output: {
    readonly format: OutputFormat;
    /** The encoded image, in a buffer of its own. */
    readonly bytes: Uint8Array<ArrayBuffer>;
  };
  readonly maskedCount: number;
}

export type Outcome<Answer> = {
  /** The image's bytes, where they were wanted back. */
  readonly original?: Uint8Array<ArrayBuffer>;
} & Result<Answer>;

type Result<Answer> =
  | { readonly ok: true; readonly answer: Answer }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly detail: string;
      /** For the log alone: what lay behind it. */
      readonly cause: string | undefined;
    };

import type { ErrorCode } from '../../errors/domain-error.ts';
import type { Box } from '../../vision/geometry.ts';
import type { CallerRegion, MaskOptions } from '../../vision/mask.ts';
import type { MaskStyle } from '../../vision/paint.ts';
import type { HiddenPayload } from '../../vision/container/hidden-payloads.ts';
import type { SelectionOptions } from '../../vision/faces.ts';
import type { LookCount, RecallLevel } from '../../vision/looks.ts';
import type { Landmarks } from '../../vision/scrfd.ts';

/** What crosses between the main thread and a worker: plain values and transferred buffers, nothing with methods. */

export interface WorkerSettings {
  readonly modelPath: string;
  readonly ortThreads: number;
  readonly maxPixels: number;
  readonly maxFrames: number;
  /** A second detector that verifies; null: the first one does. */
  readonly verifyModelPath: string | null;
}

export interface DetectSettings extends SelectionOptions {
  readonly threshold: number;
  /** Long side of the network's canvas in pixels; ignored by a network of fixed input size. */
  readonly inputSize: number;
  /** The longest side at which verification may look. */
  readonly maxInputSize: number;
  /** Look a second time at a smaller size, for faces that fill much of the photo. */
  readonly largeFaces: boolean;
  /** How many more looks are taken. */
  readonly recall: RecallLevel;
}

export const OUTPUT_FORMATS = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];
/** Those that hold more than one frame or page. */
export const ANIMATED_FORMATS = ['gif', 'webp', 'tiff'] as const satisfies readonly OutputFormat[];

/** fast: encoded in little time; small: a smaller file, for more of it. The picture is as good either way. */
export const EFFORTS = ['fast', 'small'] as const;
export type Effort = (typeof EFFORTS)[number];

export interface MaskSettings {
  readonly plan: MaskOptions;
  readonly style: MaskStyle;
  readonly regions: readonly CallerRegion[];
  /** Absent: that of the input, PNG where the input's is not among the output formats. */
  readonly format: OutputFormat | undefined;
  readonly quality: number;
  readonly effort: Effort;
  /** Search the masked image once more, and mask what is found there and the masks do not cover. */
  readonly verify: boolean;
  readonly verifyThreshold: number;
  /** Whether the answer is to tell the digests of input and output. */
  readonly digests: boolean;
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

export interface ThumbnailTask extends ImageTask {
  /** Most pixels of the longer side; a smaller image keeps its size. */
  readonly longSide: number;
}

export interface ThumbnailAnswer {
  /** A WebP image, in a buffer of its own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Face {
  readonly box: Box;
  readonly score: number;
  readonly landmarks: Landmarks | null;
  /** Number of the frame or page, from 0, where there is more than one. */
  readonly frame?: number;
}

export interface ImageFacts {
  /** Of the upright image, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly format: string;
  /** Frames of an animation or pages. */
  readonly frames: number;
}

/** Milliseconds by stage, in the order in which the stages ran. */
export type StageTimings = Readonly<Record<string, number>>;

/** One stage, or what several are together. Times in milliseconds since the epoch, with their fractions. */
export interface StageWork {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly parts: readonly StageWork[];
}

/** How faces were looked for. */
export interface SearchFacts {
  readonly looks: readonly LookCount[];
  /** Longer side in pixels of the image below which faces are likely to be missed. */
  readonly smallestFace: number;
}

export interface DetectAnswer {
  readonly image: ImageFacts;
  /** Of an animation: those of the first frame where only detected, of all where masked. */
  readonly faces: readonly Face[];
  /** Null where no faces were looked for. */
  readonly search: SearchFacts | null;
  readonly hiddenPayloads: readonly HiddenPayload[];
  readonly timings: StageTimings;
  /** When each stage ran. */
  readonly work: readonly StageWork[];
}

export interface MaskAnswer extends DetectAnswer {
  readonly output: {
    readonly format: OutputFormat;
    /** The encoded image, in a buffer of its own. */
    readonly bytes: Uint8Array<ArrayBuffer>;
  };
  /** Faces and regions that were masked, with what verification added. */
  readonly maskedCount: number;
  /** What was masked, before it was grown to blocks or joined with its neighbours' frames. */
  readonly maskedBoxes: readonly Box[];
  /** Null where it was not asked for. */
  readonly verification: Verification | null;
  /** SHA-256 in hexadecimal; null where they were not asked for. */
  readonly digests: { readonly input: string; readonly output: string } | null;
}

export interface Verification {
  /** clean: the last search found nothing that the masks do not cover; incomplete: a bound ended it before. */
  readonly outcome: 'clean' | 'incomplete';
  readonly rounds: number;
  /** What was masked in addition. */
  readonly added: readonly (Box & { readonly frame?: number })[];
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

import type { ErrorCode } from '../../errors/domain-error.ts';
import type { Box } from '../../vision/geometry.ts';
import type { CallerRegion, MaskOptions } from '../../vision/mask.ts';
import type { MaskStyle } from '../../vision/paint.ts';
import type { HiddenPayload } from '../../vision/container/hidden-payloads.ts';
import type { SelectionOptions } from '../../vision/faces.ts';
import type { LookCount, RecallLevel } from '../../vision/looks.ts';
import type { MetadataGroup, MetadataOutcomes } from '../../vision/metadata/metadata.ts';
import type { FaceQuality } from '../../vision/quality.ts';
import type { Landmarks } from '../../vision/scrfd.ts';

/** Messages between the main thread and the workers: plain values and transferred buffers, no objects with methods. */

export interface WorkerSettings {
  readonly modelPath: string;
  readonly ortThreads: number;
  readonly maxPixels: number;
  readonly maxFrames: number;
  readonly heic: boolean;
  /** Path of a second detector; null: none */
  readonly secondModelPath: string | null;
}

export interface DetectSettings extends SelectionOptions {
  readonly threshold: number;
  /** Long side of the canvas in pixels; ignored by a network with a fixed input size. */
  readonly inputSize: number;
  /** Maximum side of the canvas, also in verification. */
  readonly maxInputSize: number;
  /** Whether to take a second look at a smaller size, for faces that fill much of the photo. */
  readonly largeFaces: boolean;
  /** How many looks are taken. */
  readonly recall: RecallLevel;
  /** Tell how well each face can be seen. */
  readonly faceQuality: boolean;
  /** When the last look is to end, in milliseconds of `processMs`; Infinity: all looks are taken. */
  readonly deadline: number;
}

export const OUTPUT_FORMATS = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];
/** Formats with several frames or pages */
export const ANIMATED_FORMATS = ['gif', 'webp', 'tiff'] as const satisfies readonly OutputFormat[];

/** fast: encoded quickly; small: a smaller file, which takes longer. The quality is the same. */
export const EFFORTS = ['fast', 'small'] as const;
export type Effort = (typeof EFFORTS)[number];

export interface MaskSettings {
  readonly plan: MaskOptions;
  /** Grows a face on each side by this share of the smallest face that can be expected to be found, before its padding. */
  readonly margin: number;
  readonly style: MaskStyle;
  readonly regions: readonly CallerRegion[];
  /** Faces from this score up to the threshold are masked as well, and uncertain; none where it is not below the threshold. */
  readonly reviewThreshold: number;
  /** Absent: the format of the input, or JPEG if that is not an output format. */
  readonly format: OutputFormat | undefined;
  readonly quality: number;
  readonly effort: Effort;
  /** Whether to search the masked image again, and to mask what is found outside the masks. */
  readonly verify: boolean;
  readonly verifyThreshold: number;
  /** What of the metadata of the image is written anew. */
  readonly metadata: readonly MetadataGroup[];
  /** Whether to return the digests of input and output. */
  readonly digests: boolean;
}

/** Shared with the main thread, which sets it to 1 when the request is abandoned. */
export type CancelFlag = Int32Array<SharedArrayBuffer>;

/** Fields of every task */
interface ImageTask {
  readonly image: Uint8Array;
  /** Whether to transfer the bytes of the image back with the answer, so that they can be stored. */
  readonly handBack?: boolean;
  readonly cancel: CancelFlag;
}

export interface DetectTask extends ImageTask {
  readonly detect: DetectSettings;
}

export interface MaskTask extends ImageTask {
  /** Null: no inference, only the regions in the request are masked. */
  readonly detect: DetectSettings | null;
  readonly mask: MaskSettings;
}

export interface ThumbnailTask extends ImageTask {
  /** Maximum pixels of the longer side; smaller images are not enlarged. */
  readonly longSide: number;
}

export interface ThumbnailAnswer {
  /** A WebP image in its own buffer. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Face {
  readonly box: Box;
  readonly score: number;
  readonly landmarks: Landmarks | null;
  /** Absent unless requested. */
  readonly quality?: FaceQuality;
  /** Masked, with a score between the two thresholds. */
  readonly uncertain?: true;
  /** Number of the frame or page, from 0, if there are several. */
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

/** One stage, or a group of stages. Times in milliseconds since the epoch, with fractions. */
export interface StageWork {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly parts: readonly StageWork[];
}

/** Which detector took a look */
export type DetectorRole = 'main' | 'second';

/** Looks of one detector, size and turn */
export interface LooksOfDetector extends LookCount {
  readonly detector: DetectorRole;
}

/**
 * What the caller should know about the picture that was searched and returned.
 * primary_picture_only: the file has further pictures, which are left out; delays_shortened: the output format cannot hold a
 * frame for so long; hdr_converted: colors brighter than white were brought to what a standard display shows.
 */
export const NOTES = ['primary_picture_only', 'delays_shortened', 'hdr_converted'] as const;
export type Note = (typeof NOTES)[number];

/** Facts about a search for faces */
export interface SearchFacts {
  readonly looks: readonly LooksOfDetector[];
  /** Those for which there was no time. */
  readonly skippedLooks: readonly LooksOfDetector[];
  /** Longer side in pixels of the image below which faces are likely to be missed. */
  readonly smallestFace: number;
}

export interface DetectAnswer {
  readonly image: ImageFacts;
  /** Of an animation: faces of the first frame in detection, of all frames in masking. */
  readonly faces: readonly Face[];
  /** Null without a search for faces. */
  readonly search: SearchFacts | null;
  readonly hiddenPayloads: readonly HiddenPayload[];
  readonly notes: readonly Note[];
  readonly timings: StageTimings;
  /** Times of each stage */
  readonly work: readonly StageWork[];
}

/**
 * One mask, before it is grown to blocks and copied to neighboring frames. added: by a region of the request, or by
 * verification.
 */
export interface AppliedMask extends Box {
  readonly shape: 'ellipse' | 'box';
  readonly origin: 'detected' | 'uncertain' | 'added';
  /** Number of the frame or page, from 0, if there are several. */
  readonly frame?: number;
}

export interface MaskAnswer extends DetectAnswer {
  readonly output: {
    readonly format: OutputFormat;
    /** The encoded image in its own buffer. */
    readonly bytes: Uint8Array<ArrayBuffer>;
  };
  /** Number of masked faces and regions, including those added by verification. */
  readonly maskedCount: number;
  /** How many of the faces are uncertain. */
  readonly uncertainCount: number;
  /** Masked boxes, before they were grown to blocks and copied to neighboring frames. */
  readonly maskedBoxes: readonly Box[];
  readonly masks: readonly AppliedMask[];
  /** Null if not requested. */
  readonly verification: Verification | null;
  /** What came of the requested metadata; null if none was requested. */
  readonly metadata: MetadataOutcomes | null;
  /** SHA-256 in hexadecimal; null if not requested. */
  readonly digests: { readonly input: string; readonly output: string } | null;
}

export interface Verification {
  /** clean: the last search found nothing outside the masks; incomplete: a limit ended the search before. */
  readonly outcome: 'clean' | 'incomplete';
  readonly rounds: number;
  /** Boxes that were masked in addition. */
  readonly added: readonly (Box & { readonly frame?: number })[];
}

export type Outcome<Answer> = {
  /** The bytes of the image, if requested. */
  readonly original?: Uint8Array<ArrayBuffer>;
} & Result<Answer>;

type Result<Answer> =
  | { readonly ok: true; readonly answer: Answer }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly detail: string;
      /** The cause, only for the log. */
      readonly cause: string | undefined;
    };

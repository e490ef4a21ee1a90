import type { DetectionBody, DetectOptions } from '../../inference/schemas.ts';
import type { Masking } from '../../masking/masking.service.ts';
import type { MaskRequestOptions } from '../../masking/schemas.ts';

/** What finds and masks faces: this process, or a service elsewhere. */
export interface Engine {
  /** The settings that results depend on besides the options */
  readonly settings: unknown;
  /** How many images it works on at the same time */
  readonly jobs: number;
  readonly maxFileBytes: number;
  readonly detect: (
    image: Uint8Array<ArrayBuffer>,
    options: DetectOptions,
    abandoned: AbortSignal,
  ) => Promise<DetectionBody>;
  readonly mask: (
    image: Uint8Array<ArrayBuffer>,
    options: MaskRequestOptions,
    abandoned: AbortSignal,
  ) => Promise<Masking>;
}

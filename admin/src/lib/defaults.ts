import type { System } from './api/admin.ts';
import { type MaskOptions, METADATA_GROUPS, type MetadataGroup, STANDARD_MASK } from './mask-options.ts';

export interface Defaults {
  readonly threshold: number;
  /** From the threshold on, it is off. */
  readonly reviewThreshold: number;
  readonly minFaceSize: number;
  readonly inputSize: number;
  readonly largeFaces: boolean;
  /** Of each endpoint. */
  readonly recall: Readonly<Record<'detect' | 'mask', string>>;
  readonly mask: MaskOptions;
  /** What of the metadata may be carried. */
  readonly metadataAllow: readonly MetadataGroup[];
  /** The public API requires an API key. */
  readonly needsKey: boolean;
}

export interface Limits {
  readonly uploadBytes: number;
  readonly pixels: number;
  readonly frames: number;
}

/** The limits of an upload; undefined until they are known. */
export function limitsOf(system: System | undefined): Limits | undefined {
  if (system === undefined) return undefined;
  const values = new Map(system.configuration.map(({ name, value }) => [name, Number(value)]));
  return {
    uploadBytes: values.get('FACE_API_MAX_UPLOAD_BYTES')!,
    pixels: values.get('FACE_API_MAX_PIXELS')!,
    frames: values.get('FACE_API_MAX_FRAMES')!,
  };
}

export interface BatchLimits extends Pick<Limits, 'uploadBytes'> {
  readonly items: number;
  readonly bytes: number;
}

/** The limits of a batch; undefined until they are known. */
export function batchLimitsOf(system: System | undefined): BatchLimits | undefined {
  if (system === undefined) return undefined;
  const values = new Map(system.configuration.map(({ name, value }) => [name, Number(value)]));
  return {
    uploadBytes: values.get('FACE_API_MAX_UPLOAD_BYTES')!,
    items: values.get('FACE_API_BATCH_MAX_ITEMS')!,
    bytes: values.get('FACE_API_BATCH_MAX_BYTES')!,
  };
}

/** Where batches may write their results: each `bucket` or `bucket/prefix`. */
export function outputPlacesOf(system: System | undefined): readonly string[] {
  const setting = system?.configuration.find(({ name }) => name === 'FACE_API_BATCH_S3_OUTPUT_ALLOW');
  return setting?.value.split(',').filter((place) => place !== '') ?? [];
}

/** The values of options that a request does not set, as the service is configured. */
export function defaultsOf(system: System | undefined): Defaults {
  const values = new Map(system?.configuration.map(({ name, value }) => [name, value]));
  const text = (name: string, otherwise: string) => values.get(`FACE_API_DEFAULT_${name}`) ?? otherwise;
  const number = (name: string, otherwise: number) => Number(text(name, String(otherwise)));
  return {
    threshold: number('THRESHOLD', 0.5),
    reviewThreshold: number('REVIEW_THRESHOLD', 0.3),
    minFaceSize: number('MIN_FACE_SIZE', 0),
    inputSize: number('INPUT_SIZE', 640),
    largeFaces: text('LARGE_FACES', 'true') === 'true',
    recall: {
      detect: values.get('FACE_API_DETECT_RECALL') ?? 'standard',
      mask: values.get('FACE_API_MASK_RECALL') ?? 'high',
    },
    mask: {
      method: text('METHOD', STANDARD_MASK.method) as MaskOptions['method'],
      shape: text('SHAPE', STANDARD_MASK.shape) as MaskOptions['shape'],
      padding: number('PADDING', STANDARD_MASK.padding),
      margin: number('MARGIN', STANDARD_MASK.margin),
      strength: number('STRENGTH', STANDARD_MASK.strength),
      mark: text('MARK', 'false') === 'true',
      color: `#${text('COLOR', STANDARD_MASK.color).replace('#', '')}`,
      format: '',
      quality: number('QUALITY', STANDARD_MASK.quality),
      effort: text('EFFORT', STANDARD_MASK.effort) as MaskOptions['effort'],
      verify: text('VERIFY', 'false') === 'true',
      metadata: [],
    },
    metadataAllow: METADATA_GROUPS.filter((group) =>
      (values.get('FACE_API_METADATA_ALLOW') ?? '').split(/\W+/).includes(group),
    ),
    needsKey: (values.get('FACE_API_API_KEYS') ?? 'not set') !== 'not set',
  };
}

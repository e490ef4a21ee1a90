export const METADATA_GROUPS = ['time', 'place', 'credit', 'camera', 'panorama'] as const;
export type MetadataGroup = (typeof METADATA_GROUPS)[number];

/** The masking options that the console offers; the service has more. */
export interface MaskOptions {
  method: 'blur' | 'pixelate' | 'solid';
  shape: 'ellipse' | 'box';
  padding: number;
  margin: number;
  strength: number;
  mark: boolean;
  color: string;
  /** Empty: the format of the photo. */
  format: '' | 'jpeg' | 'png' | 'webp' | 'avif' | 'gif' | 'tiff';
  quality: number;
  effort: 'fast' | 'small';
  verify: boolean;
  /** What of the photo's metadata is written anew. */
  metadata: MetadataGroup[];
}

/** The defaults of the service, unless configured otherwise. */
export const STANDARD_MASK: Readonly<MaskOptions> = {
  method: 'blur',
  shape: 'ellipse',
  padding: 0.25,
  margin: 0.5,
  strength: 0.5,
  mark: false,
  color: '#000000',
  format: '',
  quality: 90,
  effort: 'fast',
  verify: false,
  metadata: [],
};

type EffectiveMask = Partial<Omit<MaskOptions, 'format'>> & { format?: Exclude<MaskOptions['format'], ''> };

/** The options that change something: a color only for solid, a strength only for the other methods. */
export function effectiveMask(options: MaskOptions, defaults: MaskOptions): EffectiveMask {
  const { method, format } = options;
  const relevant: EffectiveMask = {
    method,
    shape: options.shape,
    padding: options.padding,
    margin: options.margin,
    ...(method === 'solid' ? { color: options.color } : { strength: options.strength }),
    mark: options.mark,
    ...(format !== '' && { format }),
    ...(format !== 'png' && format !== 'gif' && { quality: options.quality }),
    effort: options.effort,
    verify: options.verify,
    metadata: options.metadata,
  };
  return Object.fromEntries(
    Object.entries(relevant).filter(([name, value]) => String(value) !== String(defaults[name as keyof MaskOptions])),
  );
}

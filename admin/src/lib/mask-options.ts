/** What the console lets choose for a mask; the service knows more. */
export interface MaskOptions {
  method: 'blur' | 'pixelate' | 'solid';
  shape: 'ellipse' | 'box';
  padding: number;
  strength: number;
  color: string;
  /** Empty: that of the photo. */
  format: '' | 'jpeg' | 'png' | 'webp' | 'avif' | 'gif' | 'tiff';
  quality: number;
  verify: boolean;
}

/** As the service is configured unless somebody changed it. */
export const STANDARD_MASK: Readonly<MaskOptions> = {
  method: 'blur',
  shape: 'ellipse',
  padding: 0.25,
  strength: 0.5,
  color: '#000000',
  format: '',
  quality: 90,
  verify: false,
};

type EffectiveMask = Partial<Omit<MaskOptions, 'format'>> & { format?: Exclude<MaskOptions['format'], ''> };

/** The options that change something: a colour does so for solid alone, a strength for all others. */
export function effectiveMask(options: MaskOptions, defaults: MaskOptions): EffectiveMask {
  const { method, format } = options;
  const relevant: EffectiveMask = {
    method,
    shape: options.shape,
    padding: options.padding,
    ...(method === 'solid' ? { color: options.color } : { strength: options.strength }),
    ...(format !== '' && { format }),
    ...(format !== 'png' && format !== 'gif' && { quality: options.quality }),
    verify: options.verify,
  };
  return Object.fromEntries(
    Object.entries(relevant).filter(([name, value]) => value !== defaults[name as keyof MaskOptions]),
  );
}

import sharp, { type Sharp } from 'sharp';
import { MAX_GIF_DELAY, setGifDelays } from '../../vision/container/gif-delays.ts';
import { COUNTED_MS, MAX_WEBP_DELAY, restoreFrames } from '../../vision/container/webp-animation.ts';
import type { Raster } from '../../vision/raster.ts';
import type { Effort, OutputFormat } from './messages.ts';
import { wrapInTiff } from './tiff.ts';

/** From this JPEG quality on, color has the full resolution if the source has it. */
const FULL_CHROMA_QUALITY = 90;

export interface Encoding {
  readonly format: OutputFormat;
  /** 1 to 100, of the lossy formats. WebP of quality 100 is lossless; PNG and TIFF always are. */
  readonly quality: number;
  readonly effort: Effort;
  /** The source has color at half the resolution, so that a JPEG does not need more. */
  readonly halvedChroma: boolean;
}

/**
 * Encodes pixels and, at most, a color profile, but no other metadata.
 * @returns the file in its own buffer, which can be transferred
 */
export async function encodeImage(
  raster: Raster,
  profile: Buffer | null,
  encoding: Encoding,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await withFormat(fromPixels(raster, profile, encoding.format), encoding).toBuffer());
}

/** Duration of each frame in milliseconds, and number of loops (0: endless). Empty for pages. */
export interface Pace {
  readonly delays: readonly number[];
  readonly loop: number;
}

/** Duration of a page that becomes a frame, in milliseconds. */
const PAGE_DELAY = 100;

/** Maximum duration of a frame in milliseconds; longer ones are shortened to it. */
export function longestDelay(format: OutputFormat): number {
  if (format === 'webp') return MAX_WEBP_DELAY;
  return format === 'gif' ? MAX_GIF_DELAY : Infinity;
}

/**
 * Encodes an animation or pages, in sRGB.
 * @param frames of the same size, one after another in one buffer
 */
export async function encodeFrames(
  frames: readonly Raster[],
  { delays, loop }: Pace,
  encoding: Encoding,
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, channels, data } = frames[0]!;
  const film = new Uint8Array(data.buffer, data.byteOffset, frames.length * data.length);
  const raw = { width, height: height * frames.length, channels, pageHeight: height };
  const image = sharp(film, { raw, limitInputPixels: false });
  // sharp takes durations of up to 65,535 ms, and libwebp merges frames: the real ones are written afterwards.
  const counted = { delay: frames.map(() => COUNTED_MS), loop };
  const encoded = new Uint8Array(await withFormat(image, encoding, counted).toBuffer());
  const durations = delays.length === frames.length ? delays : frames.map(() => PAGE_DELAY);
  if (encoding.format === 'webp') return restoreFrames(encoded, durations, loop);
  if (encoding.format === 'gif') setGifDelays(encoded, durations);
  return encoded;
}

/** For raw pixels, sharp reads a profile only from a file on disk. Therefore it gets a TIFF in memory with the profile. */
function fromPixels(raster: Raster, profile: Buffer | null, format: OutputFormat): Sharp {
  const { width, height, channels, data } = raster;
  if (profile === null) return sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  const wrapped = wrapInTiff(raster, profile);
  // GIF cannot hold a profile: the pixels are converted to sRGB.
  if (format === 'gif') return sharp(wrapped, { limitInputPixels: false });
  return sharp(wrapped, { ignoreIcc: true, limitInputPixels: false }).keepIccProfile();
}

/**
 * Encoder options for `effort`. Measured: milliseconds and size of a photo of 1080p, quality 90, on one core. The quality of
 * lossy formats is the same, except for WebP, where more effort gives a better picture of the same size.
 */
const EFFORT = {
  /** 12 ms and 458 KB, against 36 ms and 447 KB, and 4 % less by being progressive, which costs another third. */
  jpeg: {
    fast: { optimiseCoding: false },
    small: { optimiseCoding: true, progressive: true },
  },
  /** 52 ms and 5.3 MB, against 250 ms and 2.3 MB. */
  png: {
    fast: { compressionLevel: 1 },
    small: { compressionLevel: 6, adaptiveFiltering: true },
  },
  /** 95 ms and 239 KB, against 209 ms and 237 KB. */
  webp: { fast: { effort: 2 }, small: { effort: 4 } },
  /** 215 ms and 335 KB, against 934 ms and 323 KB. */
  avif: { fast: { effort: 0 }, small: { effort: 2 } },
  /** 697 ms and 1348 KB, against 725 ms and 1330 KB. */
  gif: { fast: { effort: 1 }, small: { effort: 3 } },
  /** 91 ms and 2.9 MB, against 179 ms and 2.7 MB. */
  tiff: {
    fast: { compression: 'lzw', predictor: 'horizontal' },
    small: { compression: 'deflate', predictor: 'horizontal' },
  },
} as const satisfies Record<OutputFormat, Record<Effort, object>>;

function withFormat(
  image: Sharp,
  { format, quality, effort, halvedChroma }: Encoding,
  pace: { delay?: number[]; loop?: number } = {},
): Sharp {
  switch (format) {
    case 'jpeg': {
      const chromaSubsampling = quality >= FULL_CHROMA_QUALITY && !halvedChroma ? '4:4:4' : '4:2:0';
      return image.flatten({ background: '#ffffff' }).jpeg({ quality, chromaSubsampling, ...EFFORT.jpeg[effort] });
    }
    case 'png':
      return image.png(EFFORT.png[effort]);
    case 'webp':
      return image.webp({ ...(quality === 100 ? { lossless: true } : { quality }), ...EFFORT.webp[effort], ...pace });
    case 'avif':
      return image.avif({ quality, ...EFFORT.avif[effort] });
    case 'gif':
      return image.gif({ keepDuplicateFrames: true, ...EFFORT.gif[effort], ...pace });
    case 'tiff':
      return image.tiff(EFFORT.tiff[effort]);
  }
}

import sharp, { type Sharp } from 'sharp';
import type { Raster } from '../../vision/raster.ts';
import type { OutputFormat } from './messages.ts';
import { wrapInTiff } from './tiff.ts';

/** From this JPEG quality on, colour is kept at full resolution. */
const FULL_CHROMA_QUALITY = 90;

/**
 * Encodes pixels and nothing else: the only thing that can come along is the colour profile.
 * WebP of quality 100 is lossless; PNG and TIFF always are.
 * @returns the file, in a buffer of its own that can be transferred
 */
export async function encodeImage(
  raster: Raster,
  profile: Buffer | null,
  format: OutputFormat,
  quality: number,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await withFormat(fromPixels(raster, profile, format), format, quality).toBuffer());
}

/** How long each frame is shown, in milliseconds, and how often all are (0: for ever). Empty for pages. */
export interface Pace {
  readonly delays: readonly number[];
  readonly loop: number;
}

/**
 * The same for an animation or pages, in sRGB.
 * @param frames alike, in one buffer, one after another
 */
export async function encodeFrames(
  frames: readonly Raster[],
  { delays, loop }: Pace,
  format: OutputFormat,
  quality: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, channels, data } = frames[0]!;
  const film = new Uint8Array(data.buffer, data.byteOffset, frames.length * data.length);
  const raw = { width, height: height * frames.length, channels, pageHeight: height };
  const pace = delays.length === frames.length ? { delay: [...delays], loop } : {};
  return new Uint8Array(
    await withFormat(sharp(film, { raw, limitInputPixels: false }), format, quality, pace).toBuffer(),
  );
}

/** sharp takes a profile for raw pixels only from a file on disk; inside a TIFF it takes it from memory. */
function fromPixels(raster: Raster, profile: Buffer | null, format: OutputFormat): Sharp {
  const { width, height, channels, data } = raster;
  if (profile === null) return sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  const wrapped = wrapInTiff(raster, profile);
  // GIF has no place for a profile: there it is used up in the conversion to sRGB.
  if (format === 'gif') return sharp(wrapped, { limitInputPixels: false });
  return sharp(wrapped, { ignoreIcc: true, limitInputPixels: false }).keepIccProfile();
}

function withFormat(
  image: Sharp,
  format: OutputFormat,
  quality: number,
  pace: { delay?: number[]; loop?: number } = {},
): Sharp {
  switch (format) {
    case 'jpeg':
      return image
        .flatten({ background: '#ffffff' })
        .jpeg({ quality, chromaSubsampling: quality >= FULL_CHROMA_QUALITY ? '4:4:4' : '4:2:0' });
    case 'png':
      return image.png({ compressionLevel: 4 });
    case 'webp':
      return image.webp({ ...(quality === 100 ? { lossless: true } : { quality }), effort: 2, ...pace });
    case 'avif':
      // Effort 2 takes five times as long for a file a tenth smaller.
      return image.avif({ quality, effort: 0 });
    case 'gif':
      return image.gif({ effort: 3, keepDuplicateFrames: true, ...pace });
    case 'tiff':
      return image.tiff({ compression: 'deflate', predictor: 'horizontal' });
  }
}

import sharp, { type Sharp } from 'sharp';
import type { Raster } from '../../vision/raster.ts';
import type { OutputFormat } from './messages.ts';
import { wrapInTiff } from './tiff.ts';

/** From this JPEG quality on, colour is kept at full resolution. */
const FULL_CHROMA_QUALITY = 90;

/**
 * Encodes pixels and nothing else: the only thing that can come along is the colour profile.
 * WebP of quality 100 is lossless; PNG always is.
 * @returns the file, in a buffer of its own that can be transferred
 */
export async function encodeImage(
  raster: Raster,
  profile: Buffer | null,
  format: OutputFormat,
  quality: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const encoded = await withFormat(fromPixels(raster, profile), format, quality).toBuffer();
  return new Uint8Array(encoded);
}

/** sharp takes a profile for raw pixels only from a file on disk; inside a TIFF it takes it from memory. */
function fromPixels(raster: Raster, profile: Buffer | null): Sharp {
  const { width, height, channels, data } = raster;
  if (profile === null) return sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  return sharp(wrapInTiff(raster, profile), { ignoreIcc: true, limitInputPixels: false }).keepIccProfile();
}

function withFormat(image: Sharp, format: OutputFormat, quality: number): Sharp {
  switch (format) {
    case 'jpeg':
      return image
        .flatten({ background: '#ffffff' })
        .jpeg({ quality, chromaSubsampling: quality >= FULL_CHROMA_QUALITY ? '4:4:4' : '4:2:0' });
    case 'png':
      return image.png({ compressionLevel: 4 });
    case 'webp':
      return image.webp(quality === 100 ? { lossless: true, effort: 2 } : { quality, effort: 2 });
    case 'avif':
      return image.avif({ quality, effort: 2 });
  }
}

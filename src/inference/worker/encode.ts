import sharp, { type Sharp } from 'sharp';
import type { Raster } from '../../vision/raster.ts';
import type { OutputFormat } from './messages.ts';
import type { SourceImage } from './source-image.ts';
import { wrapInTiff } from './tiff.ts';

/** From this JPEG quality on, colour is kept at full resolution. */
const FULL_CHROMA_QUALITY = 90;

/**
 * Encodes pixels and nothing else: the only thing that comes along is a standard colour profile, where the pixels are
 * not sRGB, and of an animation its pace.
 * WebP of quality 100 is lossless; PNG and TIFF always are.
 * @param frames in one buffer, one after another, see decodeFrames
 * @returns the file, in a buffer of its own that can be transferred
 */
export async function encodeImage(
  frames: readonly Raster[],
  source: Pick<SourceImage, 'colorSpace' | 'delays' | 'loop'>,
  format: OutputFormat,
  quality: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const image = frames.length > 1 ? fromFrames(frames) : await fromPixels(frames[0]!, source.colorSpace);
  // Pages have no pace of their own: as an animation they get libvips'.
  const pace = source.delays.length === frames.length ? { delay: [...source.delays], loop: source.loop } : {};
  return new Uint8Array(await withFormat(image, format, quality, pace).toBuffer());
}

function fromFrames(frames: readonly Raster[]): Sharp {
  const { width, height, channels, data } = frames[0]!;
  const film = new Uint8Array(data.buffer, data.byteOffset, frames.length * data.length);
  const raw = { width, height: height * frames.length, channels, pageHeight: height };
  return sharp(film, { raw, limitInputPixels: false });
}

/** sharp takes a profile for raw pixels only from a file on disk; inside a TIFF it takes it from memory. */
async function fromPixels(raster: Raster, colorSpace: SourceImage['colorSpace']): Promise<Sharp> {
  const { width, height, channels, data } = raster;
  if (colorSpace === 'srgb') return sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  const profile = await displayP3Profile();
  return sharp(wrapInTiff(raster, profile), { ignoreIcc: true, limitInputPixels: false }).keepIccProfile();
}

let displayP3: Promise<Buffer> | undefined;

/** The one that comes with libvips: no byte of a profile that came in goes out. */
function displayP3Profile(): Promise<Buffer> {
  return (displayP3 ??= (async () => {
    const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } });
    const { icc } = await sharp(await pixel.withIccProfile('p3').png().toBuffer()).metadata();
    if (!icc) throw new Error('libvips gave no Display P3 profile');
    return icc;
  })());
}

function withFormat(
  image: Sharp,
  format: OutputFormat,
  quality: number,
  pace: { delay?: number[]; loop?: number },
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
      return image.avif({ quality, effort: 2 });
    case 'gif':
      return image.gif({ effort: 3, ...pace });
    case 'tiff':
      return image.tiff({ compression: 'deflate', predictor: 'horizontal' });
  }
}

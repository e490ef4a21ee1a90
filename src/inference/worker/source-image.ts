import sharp, { type Metadata, type Sharp, type SharpOptions } from 'sharp';
import { DomainError } from '../../errors/domain-error.ts';
import type { BlockGrid } from '../../vision/block-grid.ts';
import type { TaggedColor } from '../../vision/color/tagged-color.ts';
import { colorSpaceOf } from '../../vision/color-profile.ts';
import { unsupportedJpeg, withEndMarker } from '../../vision/container/jpeg-kind.ts';
import { isSequence, primaryPicture } from '../../vision/container/heif-sequence.ts';
import { pngParts } from '../../vision/container/png-parts.ts';
import { type TiffPage, tiffPages } from '../../vision/container/tiff-pages.ts';
import type { Size } from '../../vision/geometry.ts';
import { type ImageType, isHeif, sniffImageType } from '../../vision/image-type.ts';
import type { Raster } from '../../vision/raster.ts';
import { describeUnknown } from '../../vision/unknown-type.ts';
import { colorsOf, type View } from '../../vision/views.ts';
import type { Note } from './messages.ts';
import { decodeHeic } from './heic-source.ts';
import { decodeOwnColor, type OwnColor, ownColorOf, taggedColor } from './own-color.ts';
import { sourceGrid } from './source-grid.ts';
import { wrapInTiff } from './tiff.ts';

sharp.cache(false);
// One thread per image: the workers of the pool run in parallel.
sharp.concurrency(1);
const TAKEN = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff', 'heic'] as const;
export type SourceFormat = (typeof TAKEN)[number];

const REFUSALS: Partial<Record<ImageType, string>> = {
  heic: 'HEIC images are not supported by this service (FACE_API_HEIC)',
  svg: 'SVG is not supported: it is a drawing, not a photograph',
  pdf: 'PDF is not supported: it is a document, not a photograph',
};

/** A page of a TIFF, with its number in the file. */
type ShownPage = TiffPage & { readonly index: number };

/** An uploaded image with a valid header. No pixel has been decoded yet. */
export interface SourceImage {
  readonly bytes: Uint8Array;
  readonly format: SourceFormat;
  /** Upright, after the EXIF orientation has been applied. */
  readonly size: Size;
  readonly frames: number;
  /** Of a TIFF: pages that are separate pictures. */
  readonly pages: readonly ShownPage[];
  /** Of all frames or pages together. */
  readonly pixels: number;
  /** The image has frames that follow in time, not pages. */
  readonly isAnimation: boolean;
  /** Of an animation: how long each frame is shown, in milliseconds, and how often all are (0: for ever). */
  readonly delays: readonly number[];
  readonly loop: number;
  readonly hasAlpha: boolean;
  /** Color is coded at half the resolution in both directions, as cameras do. */
  readonly halvedChroma: boolean;
  /** How far the coding of the file spreads the content of a pixel. */
  readonly grid: BlockGrid | 'lossless';
  /** A standard profile of the decoded pixels; null: sRGB. */
  readonly profile: Buffer | null;
  /** The profile of the file describes another color space: decoding converts the pixels to sRGB. */
  readonly convertsColor: boolean;
  /** The end marker of the JPEG was missing. Whether all rows are there, only the warnings of the decoder say. */
  readonly endAdded: boolean;
  /** Null: sharp gives the colors. */
  readonly ownColor: OwnColor | null;
  readonly notes: readonly Note[];
}

/**
 * @param takesHeic whether HEIC is decoded
 * @throws DomainError unsupported_image, undecodable_image, too_many_pixels
 */
export async function openImage(upload: Uint8Array, maxPixels: number, takesHeic = true): Promise<SourceImage> {
  const format = acceptedFormat(upload, takesHeic);
  if (format === 'jpeg') refuseUnsupportedJpeg(upload);
  if (format === 'png') refuseAnimatedPng(upload);
  const completed = format === 'jpeg' ? withEndMarker(upload) : null;
  const isOneOfMany = isHeif(format) && isSequence(upload);
  const bytes = completed ?? (isOneOfMany ? primaryOf(upload) : upload);
  const pages = format === 'tiff' ? shownPages(bytes, maxPixels) : [];
  const metadata = await decoding(() => sharp(bytes, { limitInputPixels: false, failOn: 'none' }).metadata());
  const frames = format === 'tiff' ? pages.length : (metadata.pages ?? 1);
  const isAnimation = frames > 1 && (format === 'gif' || format === 'webp');
  // Viewers ignore the EXIF orientation of animations.
  const { width, height } = isAnimation ? metadata : metadata.autoOrient;
  refuseLarge({ width, height }, maxPixels);
  const tagged = taggedColor(bytes, format);
  const ownColor = ownColorOf(bytes, format, metadata, tagged);
  return {
    bytes,
    format,
    size: { width, height },
    frames,
    pages,
    pixels: format === 'tiff' ? sum(pages.map(areaOf)) : frames * width * height,
    isAnimation,
    delays: metadata.delay ?? [],
    loop: metadata.loop ?? 0,
    hasAlpha: metadata.hasAlpha && !pages[0]?.hasUnusedChannel,
    halvedChroma: metadata.chromaSubsampling?.startsWith('4:2:0') ?? false,
    grid: sourceGrid(bytes, format, metadata, isAnimation ? 1 : (metadata.orientation ?? 1), pages),
    ...(await colorOf(metadata, frames, tagged)),
    endAdded: completed !== null,
    ownColor,
    notes: [
      ...(isOneOfMany || (isHeif(format) && frames > 1) ? (['primary_picture_only'] as const) : []),
      ...(ownColor?.coding?.transfer.isHdr ? (['hdr_converted'] as const) : []),
    ],
  };
}

/** @throws DomainError unsupported_image */
function refuseUnsupportedJpeg(bytes: Uint8Array): void {
  const reason = unsupportedJpeg(bytes);
  if (reason === null) return;
  throw new DomainError(
    'unsupported_image',
    `This kind of JPEG is not supported: ${reason}. Convert it to a baseline or progressive JPEG with 8 bits, or to PNG`,
  );
}

/** @throws DomainError unsupported_image */
function refuseAnimatedPng(bytes: Uint8Array): void {
  if (!pngParts(bytes).some(({ name }) => name === 'acTL')) return;
  throw new DomainError(
    'unsupported_image',
    'Animated PNG is not supported. Convert it to an animated WebP or GIF, or send its frames one by one',
  );
}

/** @throws DomainError unsupported_image */
function primaryOf(sequence: Uint8Array): Uint8Array {
  const picture = primaryPicture(sequence);
  if (picture !== null) return picture;
  throw new DomainError(
    'unsupported_image',
    'This image sequence has no primary picture. Send one of its pictures as a still image, or convert it to an animated WebP or GIF',
  );
}

/**
 * The pages of a TIFF that are separate pictures. All are checked before the first is decoded.
 * @throws DomainError unsupported_image, undecodable_image, too_many_pixels
 */
function shownPages(bytes: Uint8Array, maxPixels: number): ShownPage[] {
  const pages = tiffPages(bytes);
  if (pages === null) throw new DomainError('undecodable_image', 'The TIFF is damaged: its directories cannot be read');
  if (pages[0]?.isAuxiliary) {
    throw unsupportedTiff('its first page is a thumbnail or a mask, as in camera raw files');
  }
  const shown = pages.map((page, index) => ({ ...page, index })).filter(({ isAuxiliary }) => !isAuxiliary);
  for (const { unsupported, size } of shown) {
    if (unsupported !== null) throw unsupportedTiff(unsupported);
    refuseLarge(size, maxPixels);
  }
  return shown;
}

function areaOf({ size }: ShownPage): number {
  return size.width * size.height;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function unsupportedTiff(why: string): DomainError {
  return new DomainError(
    'unsupported_image',
    `This kind of TIFF is not supported: ${why}. Convert it to RGB, CMYK or gray with 8 or 16 bits, or to PNG`,
  );
}

/** @throws DomainError too_many_pixels */
function refuseLarge({ width, height }: Size, maxPixels: number): void {
  if (width * height > maxPixels) throw tooManyPixels(`${width} × ${height} pixels`, maxPixels);
}

function tooManyPixels(what: string, maxPixels: number): DomainError {
  return new DomainError('too_many_pixels', `The image has ${what}; the limit is ${maxPixels}. Send a smaller image`);
}

/**
 * Number of frames or pages to mask: all, except for AVIF and HEIC, of which only the primary picture is decoded.
 * @throws DomainError unsupported_image, too_many_pixels
 */
export function framesToMask({ format, frames, pixels }: SourceImage, maxFrames: number, maxPixels: number): number {
  if (isHeif(format)) return 1;
  if (frames > maxFrames) {
    throw new DomainError(
      'unsupported_image',
      `The image has ${frames} frames or pages; the limit is ${maxFrames}. Split it into smaller files`,
    );
  }
  if (pixels > maxPixels) throw tooManyPixels(`${pixels} pixels in its ${frames} frames or pages`, maxPixels);
  return frames;
}

function acceptedFormat(bytes: Uint8Array, takesHeic: boolean): SourceFormat {
  const type = sniffImageType(bytes);
  const format = TAKEN.find((taken) => taken === type);
  if (format !== undefined && (format !== 'heic' || takesHeic)) return format;
  const reason =
    REFUSALS[type] ??
    (type === 'unknown'
      ? `The file type was not recognized: ${describeUnknown(bytes)}`
      : `${type} images are not supported`);
  const heic = takesHeic ? ' HEIC,' : '';
  throw new DomainError('unsupported_image', `${reason}. Send JPEG, PNG, WebP, AVIF,${heic} GIF or TIFF`);
}

/** The profile of the file is only read here and never copied, because it may contain other data. */
async function colorOf(
  { icc, space }: Metadata,
  frames: number,
  tagged: TaggedColor,
): Promise<Pick<SourceImage, 'profile' | 'convertsColor'>> {
  if (!icc || tagged !== 'profile') return { profile: null, convertsColor: false };
  const described = space === 'srgb' || space === 'rgb16' ? colorSpaceOf(icc) : 'other';
  if (described === 'srgb') return { profile: null, convertsColor: false };
  // Frames cannot be given a profile, see encodeFrames.
  if (described === 'other' || frames > 1) return { profile: null, convertsColor: true };
  return { profile: await displayP3Profile(), convertsColor: false };
}

let displayP3: Promise<Buffer> | undefined;

/** The profile of libvips, so that no byte of an uploaded profile is returned. */
function displayP3Profile(): Promise<Buffer> {
  return (displayP3 ??= (async () => {
    const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } });
    const { icc } = await sharp(await pixel.withIccProfile('p3').png().toBuffer()).metadata();
    if (!icc) throw new Error('libvips gave no Display P3 profile');
    return icc;
  })());
}

/**
 * The upright image in 8-bit RGB, or RGBA if it has transparency, at full size; of several frames, the first.
 * @throws DomainError undecodable_image
 */
export async function decodePixels(source: SourceImage): Promise<Raster> {
  return decodePage(source, 0);
}

async function decodePage(source: SourceImage, page: number): Promise<Raster> {
  if (source.format === 'heic') return decodeHeicPixels(source);
  const raster = source.ownColor
    ? await decoding(() => decodeOwnColor(upright(source, page), source.ownColor!))
    : await toRaster(uprightRgb(source, page));
  return source.pages[page]?.hasUnusedChannel ? colorsOf(raster) : raster;
}

async function decodeHeicPixels({ bytes, size, ownColor, convertsColor }: SourceImage): Promise<Raster> {
  const raster = await decoding(async () => {
    const pixels = await decodeHeic(bytes, ownColor);
    if (!convertsColor) return pixels;
    const { icc } = await sharp(bytes).metadata();
    return {
      ...pixels,
      data: await sharp(wrapInTiff(pixels, icc!)).toColorspace('srgb').withIccProfile('srgb').raw().toBuffer(),
    };
  });
  if (raster.width === size.width && raster.height === size.height) return raster;
  throw new DomainError('undecodable_image', 'The HEIC is damaged: its picture does not have the size that it states');
}

/**
 * The upright frames or pages in 8-bit RGB, or RGBA if there is transparency, at full size, in one buffer.
 * @throws DomainError undecodable_image, unsupported_image
 */
export async function decodeFrames(source: SourceImage, count: number): Promise<Raster[]> {
  if (count === 1) return [await decodePixels(source)];
  if (!source.isAnimation) return decodePages(source, count);
  const film = await toRaster(inRgb(source, sharp(source.bytes, { ...readOptions(source, source.pixels), pages: -1 })));
  if (film.height !== source.size.height * count) throw new Error(`${count} frames decoded to ${film.height} rows`);
  return splitFrames(film, count);
}

async function decodePages(source: SourceImage, count: number): Promise<Raster[]> {
  const pages: Raster[] = [];
  for (let page = 0; page < count; page++) pages.push(await decodePage(source, page));
  const [{ width, height, channels }] = pages as [Raster, ...Raster[]];
  if (pages.some((page) => page.width !== width || page.height !== height || page.channels !== channels)) {
    throw new DomainError(
      'unsupported_image',
      'The pages of the image differ in size or type, which is not supported. Send them one by one',
    );
  }
  const data = new Uint8Array(count * width * height * channels);
  pages.forEach((page, index) => {
    data.set(page.data, index * page.data.length);
  });
  return splitFrames({ width, height: height * count, channels, data }, count);
}

function splitFrames(film: Raster, count: number): Raster[] {
  const size = film.data.length / count;
  return Array.from({ length: count }, (_, index) => ({
    ...film,
    height: film.height / count,
    data: film.data.subarray(index * size, (index + 1) * size),
  }));
}

/**
 * The upright image stretched to `size`, in 8-bit RGB; for one without transparency. JPEG and WebP are shrunk while they
 * are decoded, which takes a fraction of a full decode.
 * @throws DomainError undecodable_image
 */
export async function decodeAtSize(source: SourceImage, size: Size): Promise<Raster> {
  return toRaster(shrink((await uprightColors(source)).removeAlpha(), size));
}

/**
 * The upright first frame in sRGB, as a WebP of no more than `longSide` pixels. JPEG and WebP are shrunk while they are
 * decoded. It contains no metadata.
 * @throws DomainError undecodable_image
 */
export async function encodeThumbnail(source: SourceImage, longSide: number): Promise<Buffer> {
  const inAnyProfile = { ...source, convertsColor: source.convertsColor || source.profile !== null };
  const upright = await uprightColors(inAnyProfile);
  const small = upright.resize(longSide, longSide, { fit: 'inside', withoutEnlargement: true });
  return decoding(() => small.webp({ quality: 75, effort: 2 }).toBuffer());
}

/** Decoded pixels as shown by a view, stretched to `size`, in 8-bit RGB. */
export async function resizePixels(raster: Raster, size: Size, view: View = 'colors'): Promise<Raster> {
  if (raster.channels === 3 && raster.width === size.width && raster.height === size.height) return raster;
  // sharp weighs colors by their opacity, which would lose nearly transparent ones.
  const { data, width, height, channels } = view === 'colors' && raster.channels === 4 ? colorsOf(raster) : raster;
  const image = sharp(data, { raw: { width, height, channels } });
  return toRaster(shrink(view === 'colors' ? image : image.flatten({ background: BACKGROUNDS[view] }), size));
}

const BACKGROUNDS = { 'on white': '#ffffff', 'on black': '#000000' } as const;

/** lanczos3 keeps small faces: .005 more average precision on WIDER FACE's hard faces than linear, for all models. */
function shrink(image: Sharp, { width, height }: Size): Sharp {
  return image.resize(width, height, { fit: 'fill', kernel: 'lanczos3' });
}

/** Decodes first what sharp cannot decode, or not in its colors, and removes an unused channel, which sharp would treat as transparency. */
async function uprightColors(source: SourceImage): Promise<Sharp> {
  if (!source.pages[0]?.hasUnusedChannel && !source.ownColor && source.format !== 'heic') return uprightRgb(source);
  const { data, width, height, channels } = await decodePixels(source);
  return sharp(data, { raw: { width, height, channels } });
}

function uprightRgb(source: SourceImage, page = 0): Sharp {
  return inRgb(source, upright(source, page));
}

/** In the colors of the file. */
function upright(source: SourceImage, page: number): Sharp {
  const { frames, format, isAnimation, pages, size } = source;
  const shown = pages[page];
  const image = sharp(source.bytes, {
    ...readOptions(source, shown ? areaOf(shown) : size.width * size.height),
    ...(format === 'avif' || frames === 1 ? {} : { page: shown?.index ?? page }),
  });
  return isAnimation ? image : image.autoOrient();
}

/** @param pixels according to the header: if the decoder finds more, it fails */
function readOptions({ convertsColor, endAdded }: SourceImage, pixels: number): SharpOptions {
  return {
    limitInputPixels: pixels,
    // Every error of the decoder counts: half a photo must not look like a photo without faces.
    failOn: endAdded ? 'warning' : 'error',
    ignoreIcc: !convertsColor,
  };
}

/** Without a profile, sharp leaves converted pixels of 16 bits in a wider color space. */
function inRgb({ convertsColor }: SourceImage, image: Sharp): Sharp {
  return convertsColor ? image.toColorspace('srgb').withIccProfile('srgb') : image.toColorspace('srgb');
}

async function toRaster(image: Sharp): Promise<Raster> {
  const { data, info } = await decoding(() => image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true }));
  if (info.channels !== 3 && info.channels !== 4) throw new Error(`decoded to ${info.channels} channels`);
  return { width: info.width, height: info.height, channels: info.channels, data };
}

/** The messages of sharp may change with its version, so they are only logged. */
async function decoding<Result>(decode: () => Promise<Result>): Promise<Result> {
  try {
    return await decode();
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw new DomainError(
      'undecodable_image',
      'The image is truncated or damaged and cannot be decoded. Send it again, or save it again with another program',
      { cause: error },
    );
  }
}

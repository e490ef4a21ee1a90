import type { Metadata, Sharp } from 'sharp';
import { type ColorCoding, convertToSrgb, SRGB_CODING, unmultiply } from '../../vision/color/convert-color.ts';
import { inksToRgb } from '../../vision/color/inks.ts';
import { heifColor, pngColor, type TaggedColor } from '../../vision/color/tagged-color.ts';
import { primaryItem } from '../../vision/container/heif-items.ts';
import { pngParts } from '../../vision/container/png-parts.ts';
import { type ImageType, isHeif } from '../../vision/image-type.ts';
import type { Raster } from '../../vision/raster.ts';

/** What a file says about its colors and sharp does not heed. The decoded pixels become sRGB, as browsers show them. */
export interface OwnColor {
  /** What the numbers stand for; null: sRGB. */
  readonly coding: ColorCoding | null;
  /** Bits per sample; more than 8 are decoded to 16, shifted to the left. */
  readonly bits: number;
  /** Colors are multiplied by their opacity. */
  readonly isPremultiplied: boolean;
  /** CMYK without a profile. */
  readonly isInk: boolean;
}

export function taggedColor(bytes: Uint8Array, format: ImageType): TaggedColor {
  if (format === 'png') return pngColor(pngParts(bytes));
  return isHeif(format) ? heifColor(bytes) : 'profile';
}

/** Null: sharp gives the colors. */
export function ownColorOf(
  bytes: Uint8Array,
  format: ImageType,
  { bitsPerSample = 8, icc, space }: Metadata,
  tagged: TaggedColor,
): OwnColor | null {
  const coding = typeof tagged === 'string' ? null : tagged;
  const isPremultiplied = isHeif(format) && (primaryItem(bytes)?.references.includes('prem') ?? false);
  const isInk = format === 'jpeg' && space === 'cmyk' && !icc;
  if (!coding && !isPremultiplied && !isInk) return null;
  return { coding, bits: bitsPerSample, isPremultiplied, isInk };
}

/** @param image upright, in the colors of the file */
export async function decodeOwnColor(image: Sharp, own: OwnColor): Promise<Raster> {
  return own.isInk ? decodeInks(image) : decodeSamples(image, own);
}

async function decodeInks(image: Sharp): Promise<Raster> {
  const inks = image.pipelineColorspace('cmyk').toColorspace('cmyk').raw();
  const { data, info } = await inks.toBuffer({ resolveWithObject: true });
  if (info.channels !== 4) throw new Error(`CMYK decoded to ${info.channels} channels`);
  return { width: info.width, height: info.height, channels: 3, data: inksToRgb(data) };
}

async function decodeSamples(image: Sharp, own: OwnColor): Promise<Raster> {
  const isDeep = own.bits > 8;
  const raw = isDeep ? image.toColorspace('rgb16').raw({ depth: 'ushort' }) : image.toColorspace('srgb').raw();
  const { data, info } = await raw.toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels !== 3 && channels !== 4) throw new Error(`decoded to ${channels} channels`);
  const samples = isDeep ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
  const most = isDeep ? (2 ** own.bits - 1) * 2 ** (16 - own.bits) : 255;
  return toRaster({ width, height, channels, samples, most }, own);
}

/** Decoded numbers of whatever depth. */
export interface Samples {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  /** Interleaved, from 0 to `most`; changed in place. */
  readonly samples: Uint8Array | Uint16Array;
  readonly most: number;
}

/** @param own null: the numbers stay as they are, in 8 bits */
export function toRaster({ width, height, channels, samples, most }: Samples, own: OwnColor | null): Raster {
  if (own?.isPremultiplied && channels === 4) unmultiply(samples, most);
  const isDone = !own?.coding && samples instanceof Uint8Array;
  const data = isDone ? samples : convertToSrgb(samples, channels, most, own?.coding ?? SRGB_CODING);
  return { width, height, channels, data };
}

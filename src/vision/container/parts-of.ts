import { sniffImageType } from '../image-type.ts';
import { gifParts } from './gif-parts.ts';
import { isoParts } from './iso-parts.ts';
import { jpegParts } from './jpeg-parts.ts';
import { DAMAGED, type Part } from './part.ts';
import { pngParts } from './png-parts.ts';
import { tiffParts } from './tiff-parts.ts';
import { webpParts } from './webp-parts.ts';

export type ContainerFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif';

const WALKERS: Readonly<Record<ContainerFormat, (bytes: Uint8Array) => Part[]>> = {
  jpeg: jpegParts,
  png: pngParts,
  webp: webpParts,
  gif: gifParts,
  tiff: tiffParts,
  avif: isoParts,
};

/** The parts of an image file. Never throws. */
export function partsOf(bytes: Uint8Array): { readonly format: ContainerFormat | null; readonly parts: Part[] } {
  const type = sniffImageType(bytes);
  // HEIC and AVIF differ only in how their pixels are coded.
  const container = type === 'heic' ? 'avif' : type;
  const format = (Object.keys(WALKERS) as ContainerFormat[]).find((known) => known === container) ?? null;
  if (format === null) return { format, parts: [{ name: DAMAGED, size: bytes.length, data: bytes }] };
  return { format, parts: WALKERS[format](bytes) };
}

import type { Part } from './part.ts';
import { metadataBlocks } from './metadata-blocks.ts';
import { type ContainerFormat, partsOf } from './parts-of.ts';
import { tiffParts } from './tiff-parts.ts';

/** Parts that an output file may have: those needed to show its pixels, and the color profile. */
const ALLOWED: Readonly<Record<ContainerFormat, RegExp>> = {
  jpeg: /^(SOI|APP0 JFIF|APP2 ICC_PROFILE|DQT|DHT|DRI|SOF0|SOF2|scan|EOI)$/,
  png: /^(IHDR|PLTE|tRNS|pHYs|iCCP|IDAT|IEND)$/,
  webp: /^((ANMF )?(VP8|VP8L|ALPH)|VP8X|ICCP|ANIM|ANMF)$/,
  gif: /^(header|control|image|application NETSCAPE2\.0|trailer)$/,
  // Size, coding, resolution, place of the pixels, page number, predictor, transparency, and the profile.
  tiff: /^(pixels|tag (254|256|257|258|259|262|266|273|274|277|278|279|282|283|284|296|297|317|320|322|323|324|325|338|339|34675))$/,
  avif: /^(ftyp|mdat|meta|meta\/(hdlr|pitm|iloc|iinf|iprp|iref|idat)|item av01|iprp\/(ipco|ipma)|ipco\/(av1C|ispe|pixi|colr|auxC))$/,
};

/** Parts that hold metadata, where it was asked for. */
const METADATA: Readonly<Record<ContainerFormat, RegExp>> = {
  jpeg: /^APP1 (Exif|XMP)$/,
  png: /^(eXIf|iTXt)$/,
  webp: /^(EXIF|XMP)$/,
  gif: /^$/,
  // Maker and model, artist, XMP, copyright, exposure, time, lens, position.
  tiff: /^(tag (271|272|315|700|33432|34665|34853)|EXIF tag (33434|33437|34855|36864|36867|36881|37380|37386|37521|41989|42035|42036)|GPS tag [0-6])$/,
  avif: /^item (Exif|mime)$/,
};

/** Length of a JFIF segment without a thumbnail (ITU-T T.871, 10.1). */
const JFIF_BYTES = 14;

/**
 * Names of parts that an output file must not have: metadata, comments, previews, further images, trailing bytes.
 * @param mayHaveMetadata because it was asked for: then the entries of its EXIF are looked at as well
 */
export function foreignParts(bytes: Uint8Array, mayHaveMetadata = false): string[] {
  const { format, parts } = partsOf(bytes);
  if (format === null) return ['not an image'];
  const isAllowed = (name: string) => ALLOWED[format].test(name) || (mayHaveMetadata && METADATA[format].test(name));
  const exif = mayHaveMetadata && format !== 'tiff' ? metadataBlocks(bytes).exif : null;
  return [
    ...parts.filter((part) => !isAllowed(part.name) || isFilled(part)).map(({ name }) => name),
    ...(exif ? tiffParts(exif).flatMap(({ name }) => (METADATA.tiff.test(name) ? [] : [`${name} of EXIF`])) : []),
  ];
}

/** Parts that are allowed only with a minimum of data. */
function isFilled({ name, data }: Part): boolean {
  return name === 'APP0 JFIF' && data.length !== JFIF_BYTES;
}

import type { Part } from './part.ts';
import { type ContainerFormat, partsOf } from './parts-of.ts';

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

/** Length of a JFIF segment without a thumbnail (ITU-T T.871, 10.1). */
const JFIF_BYTES = 14;

/** Names of parts that an output file must not have: metadata, comments, previews, further images, trailing bytes. */
export function foreignParts(bytes: Uint8Array): string[] {
  const { format, parts } = partsOf(bytes);
  if (format === null) return ['not an image'];
  return parts.filter((part) => !ALLOWED[format].test(part.name) || isFilled(part)).map(({ name }) => name);
}

/** Parts that are allowed only with a minimum of data. */
function isFilled({ name, data }: Part): boolean {
  return name === 'APP0 JFIF' && data.length !== JFIF_BYTES;
}

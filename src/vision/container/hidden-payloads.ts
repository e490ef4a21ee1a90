import { DAMAGED, type Part, TRAILING } from './part.ts';
import { type ContainerFormat, partsOf } from './parts-of.ts';
import { readTiff } from './tiff-parts.ts';

/** What an image file can contain in addition to the visible picture */
export const PAYLOAD_KINDS = [
  'exif',
  'thumbnail',
  'gps',
  'xmp',
  'iptc',
  'comment',
  'second_image',
  'gain_map',
  'motion_video',
  'trailing_bytes',
  'extra_frames',
  'unknown',
] as const;
export type PayloadKind = (typeof PAYLOAD_KINDS)[number];

export interface HiddenPayload {
  readonly kind: PayloadKind;
  /** Its bytes in the file; 0 if they are counted in another payload. */
  readonly bytes: number;
}

/** Kinds of parts by format and name. Parts that are not listed belong to the picture. */
const KINDS: readonly (readonly [format: ContainerFormat, name: RegExp, kind: PayloadKind])[] = [
  ['jpeg', /^APP1 Exif$/, 'exif'],
  ['jpeg', /^APP1 XMP/, 'xmp'],
  ['jpeg', /^APP13 IPTC$/, 'iptc'],
  ['jpeg', /^COM$/, 'comment'],
  ['jpeg', /^APP0 JFXX$/, 'thumbnail'],
  ['jpeg', /^APP2 MPF$/, 'second_image'],
  ['jpeg', /^APP2 gain map$/, 'gain_map'],
  ['jpeg', /^(APP\d+|marker .*)$/, 'unknown'],
  ['png', /^eXIf$/, 'exif'],
  ['png', /^(tEXt|zTXt|iTXt)$/, 'comment'],
  ['png', /^fdAT$/, 'extra_frames'],
  ['png', /^(?!IHDR|PLTE|IDAT|IEND|tRNS|iCCP|cHRM|gAMA|sRGB|cICP|sBIT|bKGD|hIST|pHYs|tIME|acTL|fcTL)/, 'unknown'],
  ['webp', /^EXIF$/, 'exif'],
  ['webp', /^XMP$/, 'xmp'],
  ['webp', /^(?!(ANMF )?(VP8|VP8L|VP8X|ALPH|ICCP|ANIM|ANMF)$)/, 'unknown'],
  ['gif', /^(comment|text)$/, 'comment'],
  ['gif', /^application XMP/, 'xmp'],
  ['gif', /^(extension|application (?!NETSCAPE2\.0|ANIMEXTS1\.0|ICCRGBG1))/, 'unknown'],
  ['tiff', /^tag (34665|33432|315|271|272|305|306)$/, 'exif'],
  ['tiff', /^EXIF tag/, 'exif'],
  ['tiff', /^(tag 34853|GPS tag .*)$/, 'gps'],
  ['tiff', /^tag 700$/, 'xmp'],
  ['tiff', /^tag (33723|34377)$/, 'iptc'],
  ['tiff', /^tag (269|270|285|37510)$/, 'comment'],
  ['tiff', /^tag 330$/, 'second_image'],
  ['avif', /^item Exif$/, 'exif'],
  ['avif', /^item mime$/, 'xmp'],
  ['avif', /^item tmap$/, 'gain_map'],
  ['avif', /^moov$/, 'extra_frames'],
  ['avif', /^(uuid|skip|free|udta)$/, 'unknown'],
];

/**
 * What a file contains in addition to its picture: kinds and sizes, no contents. Never throws.
 * @param frames number of frames or pages according to the decoder
 */
export function hiddenPayloads(bytes: Uint8Array, frames: number): HiddenPayload[] {
  const { format, parts } = partsOf(bytes);
  if (format === null) return [];
  const found = parts.flatMap((part) => payloadsOf(format, part));
  if (format === 'jpeg' && found.some(({ kind }) => kind === 'xmp') && mentionsGainMap(parts)) {
    found.push({ kind: 'gain_map', bytes: 0 });
  }
  const furtherFrames = parts.filter(({ name }) => /^(image|ANMF .*)$/.test(name)).slice(1);
  if (frames > 1) found.push({ kind: 'extra_frames', bytes: sum(furtherFrames.map(({ size }) => size)) });
  return PAYLOAD_KINDS.filter((kind) => found.some((payload) => payload.kind === kind)).map((kind) => ({
    kind,
    bytes: sum(found.filter((payload) => payload.kind === kind).map((payload) => payload.bytes)),
  }));
}

function payloadsOf(format: ContainerFormat, part: Part): HiddenPayload[] {
  if (part.name === TRAILING) return trailingPayloads(part);
  if (part.name === DAMAGED) return [{ kind: 'trailing_bytes', bytes: part.size }];
  if (part.name === 'APP0 JFIF' && part.data.length > 14) return [{ kind: 'thumbnail', bytes: part.data.length - 14 }];
  const kind = KINDS.find(([of, name]) => of === format && name.test(part.name))?.[2];
  if (kind === undefined) return [];
  return [{ kind, bytes: part.size }, ...(kind === 'exif' && format !== 'tiff' ? exifPayloads(part.data) : [])];
}

/** After the end marker: a further JPEG (MPF, gain map) or a video (motion photo), recognized by its first bytes. */
function trailingPayloads({ data, size }: Part): HiddenPayload[] {
  const payloads: HiddenPayload[] = [{ kind: 'trailing_bytes', bytes: size }];
  if (data[0] === 0xff && data[1] === 0xd8) payloads.push({ kind: 'second_image', bytes: size });
  const video = indexOfText(data, 'ftyp');
  if (video >= 4) payloads.push({ kind: 'motion_video', bytes: size - video + 4 });
  return payloads;
}

function indexOfText(bytes: Uint8Array, text: string): number {
  const codes = Array.from(text, (character) => character.charCodeAt(0));
  for (let at = 0; at + codes.length <= bytes.length; at++) {
    if (bytes[at] === codes[0] && codes.every((code, index) => bytes[at + index] === code)) return at;
  }
  return -1;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function mentionsGainMap(parts: readonly Part[]): boolean {
  return parts.some(
    ({ name, data }) => name.startsWith('APP1 XMP') && indexOfText(data, 'http://ns.adobe.com/hdr-gain-map/1.0/') >= 0,
  );
}

const GPS = 34853;
const THUMBNAIL_BYTES = 514;

/** The thumbnail and the GPS position in EXIF (CIPA DC-008). */
function exifPayloads(data: Uint8Array): HiddenPayload[] {
  // JPEG's segment starts with a name, HEIF's item with an offset, PNG's and WebP's chunks with the TIFF itself.
  const start = Math.max(indexOfText(data.subarray(0, 16), 'II*\0'), indexOfText(data.subarray(0, 16), 'MM\0*'));
  if (start < 0) return [];
  const tiff = data.subarray(start);
  const read = readTiff(tiff);
  if (read === null) return [{ kind: 'unknown', bytes: tiff.length }];
  const { entries, spans } = read;
  const payloads: HiddenPayload[] = [];
  if (entries.some(({ tag }) => tag === GPS)) payloads.push({ kind: 'gps', bytes: 0 });
  if (entries.some(({ directory, tag }) => directory === 1 && tag === THUMBNAIL_BYTES)) {
    const after = spans.reduce((last, [, end]) => Math.max(last, end), 0);
    payloads.push({ kind: 'thumbnail', bytes: Math.max(0, tiff.length - after) });
  }
  return payloads;
}

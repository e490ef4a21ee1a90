import { DAMAGED, type Part, TRAILING } from './part.ts';

/** Bytes of a value by its type's number (TIFF 6.0, section 2; 16 to 18 are BigTIFF's); 0: no such type. */
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];
const BYTE = 1;
const SHORT = 3;
const LONG = 4;
const LONG8 = 16;

export interface TiffEntry {
  /** Number of its directory in the chain: 0 is the image, in EXIF 1 is the thumbnail. */
  readonly directory: number;
  readonly tag: number;
  /** Position of its value. */
  readonly start: number;
  readonly size: number;
  /** Bytes in the file: of the entry, and of its value if that is stored elsewhere. */
  readonly bytes: number;
  /** Its value, if it consists of whole numbers and describes the kind, coding or position of pixels. */
  readonly numbers: readonly number[];
}

/** Tags of a page whose values are read (TIFF 6.0, section 8; those of other specifications are named). */
export const TAG = {
  newSubfileType: 254,
  subfileType: 255,
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  samplesPerPixel: 277,
  stripBytes: 279,
  tileOffsets: 324,
  tileBytes: 325,
  inkSet: 332,
  extraSamples: 338,
  sampleFormat: 339,
} as const;
const READ_TAGS: readonly number[] = Object.values(TAG);

/** Limit for hostile files with overlapping directories */
const MAX_DIRECTORIES = 2000;
const MAX_ENTRIES = 40_000;
const MAX_NUMBERS = 1_000_000;

/** Byte order of a TIFF, and positions of four bytes or, in a BigTIFF, eight. */
interface Layout {
  readonly view: DataView;
  readonly little: boolean;
  readonly big: boolean;
}

interface Directories {
  readonly entries: TiffEntry[];
  readonly spans: (readonly [start: number, end: number])[];
}

/** The directories of a TIFF, as far as they can be read; `null` if the file is malformed. */
export function readTiff(bytes: Uint8Array): Directories | null {
  const layout = readLayout(bytes);
  if (layout === null) return null;
  const headerBytes = layout.big ? 16 : 8;
  const read = readDirectories(layout, readPlace(layout, layout.big ? 8 : 4));
  return read && { entries: read.entries, spans: [[0, headerBytes], ...read.spans] };
}

function readLayout(bytes: Uint8Array): Layout | null {
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = bytes[0] === 0x49;
  const version = view.getUint16(2, little);
  if (version !== 42 && version !== 43) return null;
  const big = version === 43;
  return big && bytes.length < 16 ? null : { view, little, big };
}

/** A directory and its successors. */
function readDirectories(layout: Layout, first: number): Directories | null {
  const { view, little, big } = layout;
  const [countBytes, entryBytes, placeBytes] = big ? [8, 20, 8] : [2, 12, 4];
  const entries: TiffEntry[] = [];
  const spans: (readonly [number, number])[] = [];
  const seen = new Set<number>();
  let at = first;
  let numbers = 0;
  for (let directory = 0; at !== 0; directory++) {
    if (seen.has(at) || directory >= MAX_DIRECTORIES || at + countBytes > view.byteLength) return null;
    seen.add(at);
    const count = big ? readPlace(layout, at) : view.getUint16(at, little);
    const start = at + countBytes;
    const end = start + count * entryBytes;
    if (end + placeBytes > view.byteLength || entries.length + count > MAX_ENTRIES) return null;
    spans.push([at, end + placeBytes]);
    for (let entryAt = start; entryAt < end; entryAt += entryBytes) {
      const entry = readEntry(layout, entryAt, directory);
      if (entry === null) return null;
      numbers += entry.numbers.length;
      if (numbers > MAX_NUMBERS) return null;
      entries.push(entry);
      if (entry.size > placeBytes) spans.push([entry.start, entry.start + entry.size]);
    }
    at = readPlace(layout, end);
  }
  return { entries, spans };
}

/** A position in the file, or a count. Positions beyond the exact range of numbers lie outside every accepted file. */
function readPlace({ view, little, big }: Layout, at: number): number {
  return big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
}

function readEntry(layout: Layout, at: number, directory: number): TiffEntry | null {
  const { view, little, big } = layout;
  const [entryBytes, placeBytes] = big ? [20, 8] : [12, 4];
  const type = view.getUint16(at + 2, little);
  const count = readPlace(layout, at + 4);
  const size = count * (TYPE_BYTES[type] ?? 0);
  const valueAt = at + (big ? 12 : 8);
  const start = size > placeBytes ? readPlace(layout, valueAt) : valueAt;
  if (start + size > view.byteLength) return null;
  const tag = view.getUint16(at, little);
  const numbers = READ_TAGS.includes(tag) ? readNumbers(layout, start, type, count) : [];
  const bytes = entryBytes + (size > placeBytes ? size : 0);
  return { directory, tag, start, size, bytes, numbers };
}

function readNumbers({ view, little }: Layout, start: number, type: number, count: number): number[] {
  const length = Math.min(count, MAX_NUMBERS);
  switch (type) {
    case BYTE:
      return Array.from({ length }, (_, index) => view.getUint8(start + index));
    case SHORT:
      return Array.from({ length }, (_, index) => view.getUint16(start + 2 * index, little));
    case LONG:
      return Array.from({ length }, (_, index) => view.getUint32(start + 4 * index, little));
    case LONG8:
      return Array.from({ length }, (_, index) => Number(view.getBigUint64(start + 8 * index, little)));
    default:
      return [];
  }
}

/** Directories that an entry of the first one points to, by its tag (CIPA DC-008). */
const SUBDIRECTORIES: Readonly<Record<number, string>> = { 34665: 'EXIF', 34853: 'GPS' };

/** The tags of a TIFF, as `tag 273`, those of EXIF, as `EXIF tag 36867`, its pixels, and what no directory refers to. */
export function tiffParts(bytes: Uint8Array): Part[] {
  const tiff = readTiff(bytes);
  if (tiff === null) return [{ name: DAMAGED, size: bytes.length, data: bytes }];
  const { entries, spans } = tiff;
  const inside = entries.flatMap((entry) => readSubdirectory(bytes, entry));
  const partOf = (name: string, { bytes: size, start, size: length }: TiffEntry) => ({
    name,
    size,
    data: bytes.subarray(start, start + length),
  });
  const pixels = pixelSpans(entries);
  const unread = gaps([...spans, ...inside.flatMap((sub) => sub.spans), ...pixels], bytes.length);
  return [
    ...entries.map((entry) => partOf(`tag ${entry.tag}`, entry)),
    ...inside.flatMap(({ name, entries: own }) => own.map((entry) => partOf(`${name} tag ${entry.tag}`, entry))),
    ...pixels.map(([start, end]) => ({ name: 'pixels', size: end - start, data: bytes.subarray(start, end) })),
    ...unread.map(([start, end]) => ({ name: TRAILING, size: end - start, data: bytes.subarray(start, end) })),
  ];
}

/** Nothing if the entry points to none that can be read: its bytes are then not referred to. */
function readSubdirectory(bytes: Uint8Array, { tag, start, size }: TiffEntry): (Directories & { name: string })[] {
  const name = SUBDIRECTORIES[tag];
  const layout = readLayout(bytes);
  if (name === undefined || layout === null || size !== (layout.big ? 8 : 4)) return [];
  const read = readDirectories(layout, readPlace(layout, start));
  return read ? [{ ...read, name }] : [];
}

function pixelSpans(entries: readonly TiffEntry[]): [number, number][] {
  const find = (directory: number, tags: readonly number[]) =>
    entries.find((entry) => entry.directory === directory && tags.includes(entry.tag))?.numbers ?? [];
  return [...new Set(entries.map(({ directory }) => directory))].flatMap((directory) => {
    const sizes = find(directory, [TAG.stripBytes, TAG.tileBytes]);
    return find(directory, [TAG.stripOffsets, TAG.tileOffsets]).map((start, index): [number, number] => [
      start,
      start + (sizes[index] ?? 0),
    ]);
  });
}

/** Ranges that no span covers, without single bytes, because values are aligned to even positions. */
function gaps(spans: readonly (readonly [number, number])[], length: number): [number, number][] {
  const found: [number, number][] = [];
  let covered = 0;
  for (const [start, end] of [...spans].sort((a, b) => a[0] - b[0])) {
    if (start > covered + 1) found.push([covered, Math.min(start, length)]);
    covered = Math.max(covered, end);
  }
  if (length > covered + 1) found.push([covered, length]);
  return found;
}

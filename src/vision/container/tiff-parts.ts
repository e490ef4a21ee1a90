import { DAMAGED, type Part, TRAILING } from './part.ts';

/** Bytes of a value by its type's number (TIFF 6.0, section 2); 0: no such type. */
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4];

export interface TiffEntry {
  /** Number of its directory in the chain: 0 is the image, in EXIF 1 is the thumbnail. */
  readonly directory: number;
  readonly tag: number;
  /** Where its value lies. */
  readonly start: number;
  readonly size: number;
  /** Its value, where that is whole numbers and says where pixels lie. */
  readonly numbers: readonly number[];
}

const STRIP_OFFSETS = 273;
const STRIP_BYTES = 279;
const TILE_OFFSETS = 324;
const TILE_BYTES = 325;

/** Hostile files, whose directories overlap and share their values, end here. */
const MAX_DIRECTORIES = 2000;
const MAX_ENTRIES = 40_000;
const MAX_NUMBERS = 200_000;

/** The directories of a TIFF, as far as they can be read; `null` where the file breaks its format. */
export function readTiff(bytes: Uint8Array): { entries: TiffEntry[]; spans: (readonly [number, number])[] } | null {
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = bytes[0] === 0x49;
  if (view.getUint16(2, little) !== 42) return null;
  const entries: TiffEntry[] = [];
  const spans: (readonly [number, number])[] = [[0, 8]];
  const seen = new Set<number>();
  let at = view.getUint32(4, little);
  let numbers = 0;
  for (let directory = 0; at !== 0; directory++) {
    if (seen.has(at) || directory >= MAX_DIRECTORIES || at + 2 > bytes.length) return null;
    seen.add(at);
    const count = view.getUint16(at, little);
    const end = at + 2 + count * 12;
    if (end + 4 > bytes.length || entries.length + count > MAX_ENTRIES) return null;
    spans.push([at, end + 4]);
    for (let entryAt = at + 2; entryAt < end; entryAt += 12) {
      const entry = readEntry(view, entryAt, little, directory);
      if (entry === null) return null;
      numbers += entry.numbers.length;
      if (numbers > MAX_NUMBERS) return null;
      entries.push(entry);
      if (entry.size > 4) spans.push([entry.start, entry.start + entry.size]);
    }
    at = view.getUint32(end, little);
  }
  return { entries, spans };
}

function readEntry(view: DataView, at: number, little: boolean, directory: number): TiffEntry | null {
  const type = view.getUint16(at + 2, little);
  const count = view.getUint32(at + 4, little);
  const size = count * (TYPE_BYTES[type] ?? 0);
  const start = size > 4 ? view.getUint32(at + 8, little) : at + 8;
  if (start + size > view.byteLength) return null;
  const tag = view.getUint16(at, little);
  const placesPixels = [STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES].includes(tag);
  const numbers = placesPixels ? readNumbers(view, start, type, count, little) : [];
  return { directory, tag, start, size, numbers };
}

function readNumbers(view: DataView, start: number, type: number, count: number, little: boolean): number[] {
  const length = Math.min(count, MAX_NUMBERS);
  if (type === 3) return Array.from({ length }, (_, index) => view.getUint16(start + 2 * index, little));
  if (type === 4) return Array.from({ length }, (_, index) => view.getUint32(start + 4 * index, little));
  return [];
}

/** The tags of a TIFF, as `tag 273`, its pixels, and what no directory refers to. */
export function tiffParts(bytes: Uint8Array): Part[] {
  const tiff = readTiff(bytes);
  if (tiff === null) return [{ name: DAMAGED, size: bytes.length, data: bytes }];
  const { entries, spans } = tiff;
  const parts = entries.map(({ tag, start, size }) => ({
    name: `tag ${tag}`,
    size: 12 + (size > 4 ? size : 0),
    data: bytes.subarray(start, start + size),
  }));
  const pixels = pixelSpans(entries);
  const unread = gaps([...spans, ...pixels], bytes.length);
  return [
    ...parts,
    ...pixels.map(([start, end]) => ({ name: 'pixels', size: end - start, data: bytes.subarray(start, end) })),
    ...unread.map(([start, end]) => ({ name: TRAILING, size: end - start, data: bytes.subarray(start, end) })),
  ];
}

function pixelSpans(entries: readonly TiffEntry[]): [number, number][] {
  const find = (directory: number, tags: readonly number[]) =>
    entries.find((entry) => entry.directory === directory && tags.includes(entry.tag))?.numbers ?? [];
  return [...new Set(entries.map(({ directory }) => directory))].flatMap((directory) => {
    const sizes = find(directory, [STRIP_BYTES, TILE_BYTES]);
    return find(directory, [STRIP_OFFSETS, TILE_OFFSETS]).map((start, index): [number, number] => [
      start,
      start + (sizes[index] ?? 0),
    ]);
  });
}

/** Stretches that no span covers; single bytes are left out, since values are aligned to even places. */
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

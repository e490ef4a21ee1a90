import { viewOf } from '../container/bytes.ts';
import { IMAGE_TAG } from './tags.ts';
import type { Field } from './field.ts';

/** Reads the values of EXIF (CIPA DC-008): the first directory of a TIFF, and those of the exposure and of GPS. */

const TYPE = { byte: 1, ascii: 2, short: 3, long: 4, rational: 5, signedRational: 10, utf8: 129 } as const;
/** Bytes of a value by its type; of other types, no value is read. */
const TYPE_BYTES: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8, 129: 1 };

/** A directory of a hostile file may have thousands of entries, and a value may be as long as the file. */
const MAX_ENTRIES = 1000;
const MAX_TEXT_BYTES = 8192;
const MAX_NUMBERS = 16;

interface Layout {
  readonly view: DataView;
  readonly little: boolean;
  /** BigTIFF: positions and counts have eight bytes. */
  readonly big: boolean;
}

interface Entry {
  readonly type: number;
  readonly count: number;
  /** Null: it lies outside of the file. */
  readonly data: Uint8Array | null;
}

/** One directory; of a tag that occurs twice, the first entry counts. */
export class Directory {
  readonly #entries: ReadonlyMap<number, Entry>;
  readonly #little: boolean;

  constructor(entries: ReadonlyMap<number, Entry>, little: boolean) {
    this.#entries = entries;
    this.#little = little;
  }

  /** Up to its first NUL that ends a text. Writers use UTF-8 or Latin-1, though the specification says ASCII. */
  text(tag: number): Field<string> {
    const entry = this.#entries.get(tag);
    if (!entry) return undefined;
    const { type, data } = entry;
    if ((type !== TYPE.ascii && type !== TYPE.utf8) || !data || data.length > MAX_TEXT_BYTES) return null;
    const text = decodeText(data)
      .split('\0')
      .find((part) => part.trim() !== '');
    return text?.trim();
  }

  numbers(tag: number): Field<number[]> {
    const entry = this.#entries.get(tag);
    if (!entry) return undefined;
    const { type, data, count } = entry;
    if (!data || count === 0 || count > MAX_NUMBERS) return null;
    const numbers = Array.from({ length: count }, (_, index) => readNumber(viewOf(data), type, index, this.#little));
    return numbers.every((number) => number !== null && Number.isFinite(number)) ? (numbers as number[]) : null;
  }

  number(tag: number): Field<number> {
    const numbers = this.numbers(tag);
    return numbers && (numbers.length === 1 ? numbers[0]! : null);
  }
}

export interface ExifValues {
  readonly image: Directory;
  readonly exif: Directory;
  readonly gps: Directory;
  /** A directory could not be read. */
  readonly isDamaged: boolean;
}

/** @param tiff the file, or the TIFF inside of EXIF; null: there is none */
export function readExif(tiff: Uint8Array | null): ExifValues {
  const none = new Directory(new Map(), true);
  if (tiff === null) return { image: none, exif: none, gps: none, isDamaged: false };
  const layout = readLayout(tiff);
  const image = layout && readDirectory(layout, readPlace(layout, layout.big ? 8 : 4));
  if (!image) return { image: none, exif: none, gps: none, isDamaged: true };
  let isDamaged = false;
  const within = (tag: number) => {
    const at = image.number(tag);
    if (at === undefined) return none;
    const directory = at === null ? null : readDirectory(layout, at);
    if (!directory) isDamaged = true;
    return directory ?? none;
  };
  const [exif, gps] = [within(IMAGE_TAG.exifDirectory), within(IMAGE_TAG.gpsDirectory)];
  return { image, exif, gps, isDamaged };
}

function readLayout(tiff: Uint8Array): Layout | null {
  if (tiff.length < 16) return null;
  const view = viewOf(tiff);
  const order = view.getUint16(0);
  const little = order === 0x4949;
  const version = view.getUint16(2, little);
  if ((!little && order !== 0x4d4d) || (version !== 42 && version !== 43)) return null;
  return { view, little, big: version === 43 };
}

function readDirectory(layout: Layout, at: number): Directory | null {
  const { view, little, big } = layout;
  const [countBytes, entryBytes] = big ? [8, 20] : [2, 12];
  // A pointer of a wrong type can be any number.
  if (!Number.isInteger(at) || at < 0 || at + countBytes > view.byteLength) return null;
  const count = big ? readPlace(layout, at) : view.getUint16(at, little);
  const start = at + countBytes;
  if (count > MAX_ENTRIES || start + count * entryBytes > view.byteLength) return null;
  const entries = new Map<number, Entry>();
  for (let entryAt = start; entryAt < start + count * entryBytes; entryAt += entryBytes) {
    const tag = view.getUint16(entryAt, little);
    if (!entries.has(tag)) entries.set(tag, readEntry(layout, entryAt));
  }
  return new Directory(entries, little);
}

function readEntry(layout: Layout, at: number): Entry {
  const { view, little, big } = layout;
  const type = view.getUint16(at + 2, little);
  const count = readPlace(layout, at + 4);
  const size = count * (TYPE_BYTES[type] ?? 0);
  const valueAt = at + (big ? 12 : 8);
  const start = size > (big ? 8 : 4) ? readPlace(layout, valueAt) : valueAt;
  const isInside = start + size <= view.byteLength;
  return { type, count, data: isInside ? new Uint8Array(view.buffer, view.byteOffset + start, size) : null };
}

function readPlace({ view, little, big }: Layout, at: number): number {
  return big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
}

function readNumber(view: DataView, type: number, index: number, little: boolean): number | null {
  switch (type) {
    case TYPE.byte:
      return view.getUint8(index);
    case TYPE.short:
      return view.getUint16(2 * index, little);
    case TYPE.long:
      return view.getUint32(4 * index, little);
    case TYPE.rational:
      return view.getUint32(8 * index, little) / view.getUint32(8 * index + 4, little);
    case TYPE.signedRational:
      return view.getInt32(8 * index, little) / view.getInt32(8 * index + 4, little);
    default:
      return null;
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('latin1').decode(bytes);
  }
}

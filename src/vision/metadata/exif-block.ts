import { ascii, concat } from '../container/bytes.ts';
import { type ExifEntries, littleEndian, long, type TiffEntry } from './exif-entries.ts';
import { IMAGE_TAG } from './tags.ts';

const HEADER = ascii('II*\0');
const HEADER_BYTES = 8;
const ENTRY_BYTES = 12;
/** Longer values lie behind the entries of their directory. */
const PLACE_BYTES = 4;

/** EXIF as a TIFF without a picture; null if there are no entries. */
export function exifBlock({ image, exif, gps }: ExifEntries): Uint8Array<ArrayBuffer> | null {
  if (image.length + exif.length + gps.length === 0) return null;
  const pointers = [...pointer(IMAGE_TAG.exifDirectory, exif, 0), ...pointer(IMAGE_TAG.gpsDirectory, gps, 0)];
  const within = subdirectories(exif, gps, HEADER_BYTES + directoryBytes([...image, ...pointers]));
  const first = writeDirectory([...image, ...within.pointers], HEADER_BYTES);
  return concat(HEADER, littleEndian(4, HEADER_BYTES), first, within.bytes);
}

/** @param start where the first of the two directories lies; the image's directory points to those that have entries */
export function subdirectories(
  exif: readonly TiffEntry[],
  gps: readonly TiffEntry[],
  start: number,
): { readonly pointers: readonly TiffEntry[]; readonly bytes: Uint8Array } {
  const exifBytes = exif.length > 0 ? writeDirectory(exif, start) : new Uint8Array();
  const gpsAt = start + exifBytes.length;
  const gpsBytes = gps.length > 0 ? writeDirectory(gps, gpsAt) : new Uint8Array();
  return {
    pointers: [...pointer(IMAGE_TAG.exifDirectory, exif, start), ...pointer(IMAGE_TAG.gpsDirectory, gps, gpsAt)],
    bytes: concat(exifBytes, gpsBytes),
  };
}

function pointer(tag: number, entries: readonly TiffEntry[], at: number): TiffEntry[] {
  return entries.length > 0 ? [long(tag, at)] : [];
}

/** A directory without a successor, its long values behind it. */
function writeDirectory(entries: readonly TiffEntry[], at: number): Uint8Array {
  let valueAt = at + 2 + entries.length * ENTRY_BYTES + PLACE_BYTES;
  const heads: Uint8Array[] = [];
  const values: Uint8Array[] = [];
  for (const entry of entries) {
    heads.push(writeEntry(entry, valueAt));
    if (entry.data.length <= PLACE_BYTES) continue;
    const value = padded(entry.data);
    values.push(value);
    valueAt += value.length;
  }
  return concat(littleEndian(2, entries.length), ...heads, littleEndian(4, 0), ...values);
}

/** @param valueAt where its value lies if it is long */
export function writeEntry({ tag, type, count, data }: TiffEntry, valueAt: number): Uint8Array {
  const place = data.length > PLACE_BYTES ? littleEndian(4, valueAt) : concat(data, new Uint8Array(4 - data.length));
  return concat(littleEndian(2, tag, type), littleEndian(4, count), place);
}

function directoryBytes(entries: readonly TiffEntry[]): number {
  return writeDirectory(entries, 0).length;
}

/** Values begin at even positions. */
export function padded(data: Uint8Array): Uint8Array {
  return data.length % 2 === 0 ? data : concat(data, Uint8Array.of(0));
}

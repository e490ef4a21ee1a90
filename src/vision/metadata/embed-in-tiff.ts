import { padded, subdirectories, writeEntry } from './exif-block.ts';
import { type ExifEntries, littleEndian, type TiffEntry } from './exif-entries.ts';
import { IMAGE_TAG } from './tags.ts';
import { concat, viewOf } from '../container/bytes.ts';
import { TAG } from '../container/tiff-parts.ts';

const BYTE = 1;
const LONG = 4;
const ENTRY_BYTES = 12;
/** Bytes of a value by its type (TIFF 6.0, section 2). */
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8];

/**
 * The first page gets the new entries: its directory grows, all that lies behind it moves, and what the entries point to comes
 * at the end of the file.
 * @param file a little-endian TIFF
 */
export function embedInTiff(
  file: Uint8Array<ArrayBuffer>,
  { image, exif, gps }: ExifEntries,
  xmp: Uint8Array | null,
): Uint8Array<ArrayBuffer> {
  const own: TiffEntry[] = [
    ...image,
    ...(xmp ? [{ tag: IMAGE_TAG.xmp, type: BYTE, count: xmp.length, data: xmp }] : []),
  ];
  const added = own.length + Number(exif.length > 0) + Number(gps.length > 0);
  if (added === 0) return file;
  const view = viewOf(file);
  if (view.getUint32(0) !== 0x49492a00) throw new Error('not a little-endian TIFF');
  const directoryAt = view.getUint32(4, true);
  const count = view.getUint16(directoryAt, true);
  const [start, end] = [directoryAt + 2, directoryAt + 2 + count * ENTRY_BYTES];
  const growth = added * ENTRY_BYTES;
  const moved = moveFrom(file, end, growth);

  const tail: Uint8Array[] = [];
  let tailEnd = file.length + growth + (file.length % 2);
  const append = (data: Uint8Array) => {
    const at = tailEnd;
    tail.push(data);
    tailEnd += data.length;
    return at;
  };
  const entries = own.map((entry) => writeEntry(entry, entry.data.length > 4 ? append(padded(entry.data)) : 0));
  const within = subdirectories(exif, gps, tailEnd);
  append(within.bytes);
  const existing = Array.from({ length: count }, (_, index) =>
    moved.subarray(start + index * ENTRY_BYTES, start + (index + 1) * ENTRY_BYTES),
  );
  const all = [...existing, ...entries, ...within.pointers.map((entry) => writeEntry(entry, 0))];
  all.sort((a, b) => viewOf(a).getUint16(0, true) - viewOf(b).getUint16(0, true));
  return concat(
    moved.subarray(0, directoryAt),
    littleEndian(2, count + added),
    ...all,
    moved.subarray(end),
    new Uint8Array(file.length % 2),
    ...tail,
  );
}

/** The file with all positions from `from` on raised by `growth`; nothing is inserted yet. */
function moveFrom(file: Uint8Array, from: number, growth: number): Uint8Array {
  const moved = file.slice();
  const view = viewOf(moved);
  const move = (at: number) => {
    const place = view.getUint32(at, true);
    if (place >= from) view.setUint32(at, place + growth, true);
  };
  // Read from the file, where nothing has moved.
  const original = viewOf(file);
  for (let nextAt = 4; original.getUint32(nextAt, true) !== 0;) {
    const directoryAt = original.getUint32(nextAt, true);
    move(nextAt);
    const end = directoryAt + 2 + original.getUint16(directoryAt, true) * ENTRY_BYTES;
    for (let at = directoryAt + 2; at < end; at += ENTRY_BYTES) {
      const [tag, type] = [original.getUint16(at, true), original.getUint16(at + 2, true)];
      const values = original.getUint32(at + 4, true);
      const isLong = values * (TYPE_BYTES[type] ?? 0) > 4;
      if (tag === TAG.stripOffsets || tag === TAG.tileOffsets) {
        if (type !== LONG) throw new Error(`positions of type ${type}`);
        const valuesAt = isLong ? original.getUint32(at + 8, true) : at + 8;
        for (let index = 0; index < values; index++) move(valuesAt + 4 * index);
      }
      if (isLong) move(at + 8);
    }
    nextAt = end;
  }
  return moved;
}

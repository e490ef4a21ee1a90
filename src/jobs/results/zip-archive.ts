/**
 * The bytes of a ZIP whose files are stored, not compressed: images are compressed already. Because sizes and checksums are
 * known beforehand, so is every byte, and an interrupted download can go on anywhere. Always with the fields of ZIP64 (APPNOTE
 * 6.3.10), which archives of more than 65,535 files or 4 GB need.
 */

export interface ZipEntry {
  readonly name: string;
  readonly bytes: number;
  readonly crc: number;
  readonly modified: Date;
}

const VERSION = 45;
const UTF8_NAMES = 0x0800;
const MAX_32 = 0xff_ff_ff_ff;
const MAX_16 = 0xff_ff;

const LOCAL_HEADER_BYTES = 30;
const LOCAL_EXTRA_BYTES = 20;
const DIRECTORY_ENTRY_BYTES = 46;
const DIRECTORY_EXTRA_BYTES = 28;
const END_BYTES = 56 + 20 + 22;

/** Size of an entry's header, without the file that follows it */
export function localHeaderBytes(name: string): number {
  return LOCAL_HEADER_BYTES + Buffer.byteLength(name) + LOCAL_EXTRA_BYTES;
}

export function directoryEntryBytes(name: string): number {
  return DIRECTORY_ENTRY_BYTES + Buffer.byteLength(name) + DIRECTORY_EXTRA_BYTES;
}

export function endBytes(): number {
  return END_BYTES;
}

/** What comes before the bytes of a file */
export function localHeader(entry: ZipEntry): Buffer {
  const name = Buffer.from(entry.name);
  const header = Buffer.alloc(LOCAL_HEADER_BYTES);
  header.writeUInt32LE(0x04_03_4b_50, 0);
  header.writeUInt16LE(VERSION, 4);
  header.writeUInt16LE(UTF8_NAMES, 6);
  writeTime(header, entry.modified, 10);
  header.writeUInt32LE(entry.crc, 14);
  header.writeUInt32LE(MAX_32, 18);
  header.writeUInt32LE(MAX_32, 22);
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(LOCAL_EXTRA_BYTES, 28);
  return Buffer.concat([header, name, zip64Extra(entry.bytes, entry.bytes)]);
}

/** What the directory at the end says of a file. @param offset where its local header is */
export function directoryEntry(entry: ZipEntry, offset: number): Buffer {
  const name = Buffer.from(entry.name);
  const header = Buffer.alloc(DIRECTORY_ENTRY_BYTES);
  header.writeUInt32LE(0x02_01_4b_50, 0);
  // Made on Unix: external attributes are permissions.
  header.writeUInt16LE((3 << 8) | VERSION, 4);
  header.writeUInt16LE(VERSION, 6);
  header.writeUInt16LE(UTF8_NAMES, 8);
  writeTime(header, entry.modified, 12);
  header.writeUInt32LE(entry.crc, 16);
  header.writeUInt32LE(MAX_32, 20);
  header.writeUInt32LE(MAX_32, 24);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt16LE(DIRECTORY_EXTRA_BYTES, 30);
  header.writeUInt32LE((0o100_644 << 16) >>> 0, 38);
  header.writeUInt32LE(MAX_32, 42);
  return Buffer.concat([header, name, zip64Extra(entry.bytes, entry.bytes, offset)]);
}

/** The last bytes. @param directoryOffset where the directory begins */
export function archiveEnd(entries: number, directoryOffset: number, directoryBytes: number): Buffer {
  const end = Buffer.alloc(END_BYTES);
  end.writeUInt32LE(0x06_06_4b_50, 0);
  end.writeBigUInt64LE(44n, 4);
  end.writeUInt16LE(VERSION, 12);
  end.writeUInt16LE(VERSION, 14);
  end.writeBigUInt64LE(BigInt(entries), 24);
  end.writeBigUInt64LE(BigInt(entries), 32);
  end.writeBigUInt64LE(BigInt(directoryBytes), 40);
  end.writeBigUInt64LE(BigInt(directoryOffset), 48);
  // Locator of the record above
  end.writeUInt32LE(0x07_06_4b_50, 56);
  end.writeBigUInt64LE(BigInt(directoryOffset + directoryBytes), 64);
  end.writeUInt32LE(1, 72);
  // The end as of before ZIP64
  end.writeUInt32LE(0x06_05_4b_50, 76);
  end.writeUInt16LE(MAX_16, 84);
  end.writeUInt16LE(MAX_16, 86);
  end.writeUInt32LE(MAX_32, 88);
  end.writeUInt32LE(MAX_32, 92);
  return end;
}

function zip64Extra(...values: number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * values.length);
  extra.writeUInt16LE(0x0001, 0);
  extra.writeUInt16LE(8 * values.length, 2);
  values.forEach((value, at) => {
    extra.writeBigUInt64LE(BigInt(value), 4 + 8 * at);
  });
  return extra;
}

/** As MS-DOS counts: two-second steps from 1980 on, here in UTC. */
function writeTime(header: Buffer, time: Date, at: number): void {
  header.writeUInt16LE((time.getUTCHours() << 11) | (time.getUTCMinutes() << 5) | (time.getUTCSeconds() >> 1), at);
  header.writeUInt16LE(
    ((time.getUTCFullYear() - 1980) << 9) | ((time.getUTCMonth() + 1) << 5) | time.getUTCDate(),
    at + 2,
  );
}

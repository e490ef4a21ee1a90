import { webcrypto } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { sniffImageType } from '../../vision/image-type.ts';
import type { FinishedJob, Job } from '../job.ts';

/** Metadata of bytes */
export interface BytesRecord {
  readonly sha256: string;
  readonly type: string;
}

/** Bytes with their metadata */
export interface SpooledBytes extends BytesRecord {
  readonly bytes: Uint8Array;
}

/** The header of a file: everything except the bytes */
export interface SpooledRecord extends Job {
  readonly original: BytesRecord | null;
  readonly result: BytesRecord | null;
}

/** A job as read from the spool */
export interface SpooledJob extends SpooledRecord {
  readonly original: SpooledBytes | null;
  readonly result: SpooledBytes | null;
}

/** A spool file does not match what was written: the machine failed before it reached the disk, or the disk failed. */
export class DamagedEntryError extends Error {
  override readonly name = 'DamagedEntryError';
}

/*
 * Layout of a file: magic, length and CRC-32 of the header (both big-endian), header as JSON, original, result. The header
 * has the lengths and digests of original and result, so that missing and changed bytes are noticed.
 */
const MAGIC = Buffer.from('FACEJOB1');
const PREFIX_BYTES = MAGIC.length + 8;

interface Content extends BytesRecord {
  readonly length: number;
}

interface Header {
  readonly job: Job;
  readonly original: Content | null;
  readonly result: Content | null;
}

export async function encodeEntry({ original, result, ...job }: FinishedJob): Promise<Uint8Array[]> {
  const header: Header = {
    job,
    original: original && (await describe(sniffImageType(original), original)),
    result: result && (await describe(result.type, result.bytes)),
  };
  const text = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  MAGIC.copy(prefix);
  prefix.writeUInt32BE(text.length, MAGIC.length);
  prefix.writeUInt32BE(crc32(text), MAGIC.length + 4);
  return [prefix, text, ...(original ? [original] : []), ...(result ? [result.bytes] : [])];
}

/** @throws DamagedEntryError */
export async function decodeEntry(entry: Buffer): Promise<SpooledJob> {
  const end = headerEnd(entry, entry.length);
  const header = parseHeader(entry, entry.subarray(PREFIX_BYTES, end));
  const middle = end + (header.original?.length ?? 0);
  const original = header.original && (await verified(header.original, entry.subarray(end, middle)));
  const result = header.result && (await verified(header.result, entry.subarray(middle)));
  return { ...header.job, original, result };
}

/**
 * Reads the header, without the bytes.
 * @throws DamagedEntryError
 */
export async function readRecord(file: FileHandle): Promise<SpooledRecord> {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  await file.read(prefix, 0, PREFIX_BYTES, 0);
  const { size } = await file.stat();
  const text = Buffer.alloc(headerEnd(prefix, size) - PREFIX_BYTES);
  await file.read(text, 0, text.length, PREFIX_BYTES);
  const { job, original, result } = parseHeader(prefix, text);
  return { ...job, original, result };
}

async function describe(type: string, bytes: Uint8Array): Promise<Content> {
  return { sha256: await digest(bytes), type, length: bytes.byteLength };
}

/** @param size of the file: a damaged length must not allocate gigabytes */
function headerEnd(prefix: Buffer, size: number): number {
  if (prefix.length < PREFIX_BYTES || !prefix.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new DamagedEntryError('the file does not start like a spool entry');
  }
  const end = PREFIX_BYTES + prefix.readUInt32BE(MAGIC.length);
  if (end > size) throw new DamagedEntryError('its header is cut off');
  return end;
}

function parseHeader(prefix: Buffer, text: Buffer): Header {
  if (crc32(text) !== prefix.readUInt32BE(MAGIC.length + 4)) throw new DamagedEntryError('its header is damaged');
  return JSON.parse(text.toString()) as Header;
}

async function verified({ sha256, type, length }: Content, bytes: Uint8Array): Promise<SpooledBytes> {
  if (bytes.byteLength !== length || (await digest(bytes)) !== sha256) {
    throw new DamagedEntryError('its checksum does not match');
  }
  return { sha256, type, bytes };
}

/** On a thread of the runtime: large images must not block the event loop. */
async function digest(bytes: Uint8Array): Promise<string> {
  const hash = await webcrypto.subtle.digest('SHA-256', bytes);
  return Buffer.from(hash).toString('hex');
}

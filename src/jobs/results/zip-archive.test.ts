import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { openPromise } from 'yauzl';
import {
  archiveEnd,
  directoryEntry,
  directoryEntryBytes,
  endBytes,
  localHeader,
  localHeaderBytes,
  type ZipEntry,
} from './zip-archive.ts';

const modified = new Date('2026-11-28T12:34:56Z');
const entryOf = (name: string, bytes: Uint8Array): ZipEntry => ({
  name,
  bytes: bytes.length,
  crc: crc32(bytes),
  modified,
});

function archiveOf(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts: Uint8Array[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(files)) {
    const entry = entryOf(name, bytes);
    const header = localHeader(entry);
    expect(header).toHaveLength(localHeaderBytes(name));
    directory.push(directoryEntry(entry, offset));
    expect(directory.at(-1)).toHaveLength(directoryEntryBytes(name));
    parts.push(header, bytes);
    offset += header.length + bytes.length;
  }
  const entries = Buffer.concat(directory);
  const end = archiveEnd(directory.length, offset, entries.length);
  expect(end).toHaveLength(endBytes());
  return Buffer.concat([...parts, entries, end]);
}

describe('the archive', () => {
  it('gives back any names and bytes', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter((text) => text !== '__proto__');
    const files = fc.dictionary(name, fc.uint8Array({ maxLength: 200 }), { maxKeys: 8, noNullPrototype: true });
    fc.assert(
      fc.property(files, (given) => {
        expect(unzipSync(archiveOf(given))).toEqual(given);
      }),
    );
  });

  it('is read by another reader, with the time of each file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'face-api-zip-'));
    const path = join(folder, 'a.zip');
    await writeFile(path, archiveOf({ 'a/ä.txt': Buffer.from('one'), 'b.txt': Buffer.from('two') }));
    const zip = await openPromise(path);
    const found: string[] = [];
    for await (const entry of zip.eachEntry())
      found.push(`${entry.fileName} ${entry.getLastModDate({ timezone: 'UTC' }).toISOString()}`);
    expect(found).toEqual(['a/ä.txt 2026-11-28T12:34:56.000Z', 'b.txt 2026-11-28T12:34:56.000Z']);
    // Python reads it too, and checks the sums.
    const { stdout } = await promisify(execFile)('python3', ['-m', 'zipfile', '-t', path]);
    expect(stdout).toContain('Done testing');
    await rm(folder, { recursive: true });
  });

  it('says sizes and places beyond 4 GB and 65,535 files', () => {
    const entry = { name: 'a', bytes: 5_000_000_000, crc: 1, modified };
    expect(localHeader(entry).readBigUInt64LE(30 + 1 + 4)).toBe(5_000_000_000n);
    expect(directoryEntry(entry, 6_000_000_000).readBigUInt64LE(46 + 1 + 4 + 16)).toBe(6_000_000_000n);
    expect(archiveEnd(100_000, 7_000_000_000, 1).readBigUInt64LE(32)).toBe(100_000n);
  });
});

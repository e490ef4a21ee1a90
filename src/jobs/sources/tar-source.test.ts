import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type Header, pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../../errors/domain-error.ts';
import { peekArchive } from './archive-kind.ts';
import type { SourceFile } from './source.ts';
import { tarSource } from './tar-source.ts';

const run = promisify(execFile);
const LIMITS = { maxFileBytes: 1000, maxBytes: 100_000, maxItems: 20 };

type Member = readonly [name: string, content?: Uint8Array, header?: Partial<Header>];

async function tarOf(...members: readonly Member[]): Promise<Buffer> {
  const archive = pack();
  for (const [name, content = Buffer.from('image'), header = {}] of members) {
    archive.entry({ name, ...header }, content);
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function* inPieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield await Promise.resolve(bytes.subarray(at, at + length));
}

async function read(bytes: Buffer, { limits = LIMITS, pieces = 700 } = {}): Promise<SourceFile[]> {
  const { kind, content } = await peekArchive(inPieces(bytes, pieces));
  const files: SourceFile[] = [];
  for await (const file of tarSource(content, kind === 'tar.gz', limits)) files.push(file);
  return files;
}

/** The names of the files, with the codes of those that fail; or the code of the archive. */
const outcomeOf = (bytes: Buffer, limits = LIMITS): Promise<unknown> =>
  read(bytes, { limits }).then(
    (files) => files.map((file) => ('error' in file ? `${file.name}: ${file.error.code}` : file.name)),
    (error: unknown) => (error instanceof DomainError ? error.code : error),
  );

/** With another text in a field of the first header, and the checksum that fits */
function withField(bytes: Buffer, at: number, text: string): Buffer {
  bytes.write(text, at, 'latin1');
  bytes.write('        ', 148);
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return bytes;
}

describe('a tar', () => {
  it('has any names and bytes, compressed or not, in whatever pieces it arrives', async () => {
    const segment = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
      .filter((text) => /^[^./\\:\0]+$/.test(text));
    const name = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
    const members = fc.array(fc.tuple(name, fc.uint8Array({ maxLength: 900 })), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        members,
        fc.boolean(),
        fc.integer({ min: 1, max: 3000 }),
        async (given, isCompressed, pieces) => {
          const bytes = await tarOf(...given);
          const files = await read(isCompressed ? gzipSync(bytes) : bytes, { pieces });
          expect(files).toEqual(given.map(([path, content]) => ({ name: path, bytes: Buffer.from(content) })));
        },
      ),
      { numRuns: 50 },
    );
  });

  it.each(['gnu', 'pax'])('is read as the tar of the system writes it, in the format %s', async (format) => {
    const folder = await mkdtemp(join(tmpdir(), 'face-api-tar-'));
    const long = `${'long '.repeat(40)}😀.jpg`;
    const photos = join(folder, 'photos');
    await mkdir(join(photos, 'day 1'), { recursive: true });
    await writeFile(join(photos, 'day 1', long), 'long');
    await writeFile(join(photos, 'holes.jpg'), '');
    await truncate(join(photos, 'holes.jpg'), 1_000_000);
    await symlink('/etc/passwd', join(photos, 'link.jpg'));
    const path = join(folder, 'photos.tgz');
    await run('tar', [`--format=${format}`, '--sparse', '--sort=name', '-czf', path, '-C', photos, '.']);
    const names = (await outcomeOf(await readFile(path))) as string[];
    expect(names.map((name) => name.replace(/GNUSparseFile\.\d+\//, ''))).toEqual([
      `./day 1/${long}`,
      './holes.jpg: unsupported_image',
      './link.jpg: unsupported_image',
    ]);
    await rm(folder, { recursive: true });
  });

  it('leaves out folders and what systems add', async () => {
    const bytes = await tarOf(
      ['a/', Buffer.alloc(0), { type: 'directory' }],
      ['a/._b.jpg'],
      ['__MACOSX/b.jpg'],
      ['a/b.jpg'],
    );
    expect(await outcomeOf(bytes)).toEqual(['a/b.jpg']);
  });

  it.each(['symlink', 'link', 'character-device', 'block-device', 'fifo'] as const)(
    'has no image in a %s',
    async (type) => {
      const bytes = await tarOf(['x.jpg', Buffer.alloc(0), { type, linkname: '../../etc/passwd' }], ['b.jpg']);
      expect(await outcomeOf(bytes)).toEqual(['x.jpg: unsupported_image', 'b.jpg']);
    },
  );

  it('has no image in an entry of a type that only some systems know', async () => {
    const bytes = withField(await tarOf(['sparse.jpg'], ['b.jpg']), 156, 'S');
    expect(await outcomeOf(bytes)).toEqual(['sparse.jpg: unsupported_image', 'b.jpg']);
  });

  it('takes an archive inside of it for a file', async () => {
    expect(await outcomeOf(await tarOf(['inner.tar', (await tarOf(['a.jpg'])).subarray(0, 900)]))).toEqual([
      'inner.tar',
    ]);
  });

  it.each(['/etc/a.jpg', '../a.jpg', 'a/../../b.jpg', 'C:/a.jpg', 'a\\..\\b.jpg'])(
    'is rejected if a name leads outside: %s',
    async (name) => {
      expect(await outcomeOf(await tarOf(['a.jpg'], [name]))).toBe('invalid_request');
      // The name in an extended header counts.
      const pax = await tarOf(['a.jpg', Buffer.from('image'), { pax: { path: name } }]);
      expect(await outcomeOf(pax)).toBe('invalid_request');
    },
  );

  it('fails a file that is too large alone, by whichever header says so', async () => {
    const large = Buffer.alloc(1001);
    expect(await outcomeOf(await tarOf(['large.jpg', large], ['b.jpg']))).toEqual([
      'large.jpg: upload_too_large',
      'b.jpg',
    ]);
    const pax = await tarOf(['large.jpg', large, { pax: { size: '1001' } }], ['b.jpg']);
    expect(await outcomeOf(pax)).toEqual(['large.jpg: upload_too_large', 'b.jpg']);
  });

  it.each([
    ['a file of 8 GB that is not there', async () => withField(await tarOf(['a.jpg']), 124, '77777777777\0')],
    ['a size beyond numbers', async () => withField(await tarOf(['a.jpg']), 124, `\x80${'\xff'.repeat(11)}`)],
    ['a size of another kind', async () => tarOf(['a.jpg', Buffer.from('image'), { pax: { size: 'huge' } }])],
    ['a negative size', async () => withField(await tarOf(['a.jpg']), 124, '\xff'.repeat(12))],
    [
      'an extended header of 1 GB',
      async () => withField(await tarOf(['a.jpg']), 124, '10000000000\0x'.padEnd(32, '\0') + 'x'),
    ],
    ['a header that was changed', async () => Buffer.from(await tarOf(['a.jpg'])).fill('b', 0, 1)],
    ['no entry that is complete', async () => (await tarOf(['a.jpg', Buffer.alloc(900)])).subarray(0, 1000)],
    ['a part of its compressed bytes', async () => gzipSync(await tarOf(['a.jpg'])).subarray(0, 60)],
    ['something else that is compressed', () => Promise.resolve(gzipSync('no tar'.repeat(200)))],
  ])('is rejected if it has %s', async (_what, bytes) => {
    expect(await outcomeOf(await bytes())).toBe('invalid_request');
  });

  it('is rejected if it unpacks to more than a batch may have', async () => {
    const bomb = gzipSync(await tarOf(['zeros.jpg', Buffer.alloc(20_000_000)]));
    expect(bomb.length).toBeLessThan(30_000);
    expect(await outcomeOf(bomb)).toBe('upload_too_large');
  });

  it('is rejected if it has more entries than a batch may have', async () => {
    const links = Array.from({ length: 41 }, (_, at) => [`${at}`, Buffer.alloc(0), { type: 'symlink' }] as const);
    expect(await outcomeOf(await tarOf(...links))).toBe('upload_too_large');
  });

  it('gives files or an error, whatever bytes of it are changed', async () => {
    const whole = await tarOf(['a/b.jpg', Buffer.alloc(700, 1)], ['c.jpg'], [`${'long/'.repeat(30)}d.jpg`]);
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(whole.length),
        async (changes, length) => {
          const bytes = Buffer.from(whole.subarray(0, length));
          for (const [at, byte] of changes) if (at < length) bytes[at] = byte;
          const outcome = await outcomeOf(bytes);
          expect(Array.isArray(outcome) || outcome === 'invalid_request' || outcome === 'upload_too_large').toBe(true);
        },
      ),
    );
  });
});

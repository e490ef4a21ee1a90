import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { portrait, render } from '../../../test/fixtures/portraits.ts';
import { CANARY, stuffed } from '../../../test/fixtures/stuffed.ts';
import { foreignParts } from './foreign-parts.ts';
import { hiddenPayloads } from './hidden-payloads.ts';
import { partsOf } from './parts-of.ts';

const picture = await render(portrait({ width: 80, height: 100 }));
const FORMATS = ['jpeg', 'png', 'webp', 'gif'] as const;
const files = new Map(
  await Promise.all(FORMATS.map(async (format) => [format, await stuffed(picture, format)] as const)),
);
const plain = new Map(
  await Promise.all(
    ([...FORMATS, 'tiff', 'avif'] as const).map(
      async (format) =>
        [
          format,
          await sharp(picture)
            .toFormat(format, { compression: format === 'avif' ? 'av1' : 'lzw' })
            .toBuffer(),
        ] as const,
    ),
  ),
);

describe('what a file carries beside its picture', () => {
  it.each([
    [
      'jpeg',
      [
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
        'unknown',
      ],
    ],
    ['png', ['exif', 'thumbnail', 'gps', 'comment', 'trailing_bytes', 'unknown']],
    ['webp', ['exif', 'xmp', 'trailing_bytes']],
    ['gif', ['comment', 'trailing_bytes']],
  ] as const)('is told by kind: %s', (format, kinds) => {
    expect(hiddenPayloads(files.get(format)!, 1).map(({ kind }) => kind)).toEqual(kinds);
  });

  it('is told with its size and never with its content', () => {
    const found = hiddenPayloads(files.get('jpeg')!, 1);
    expect(found.find(({ kind }) => kind === 'comment')?.bytes).toBe(CANARY.length + 4);
    expect(found.find(({ kind }) => kind === 'thumbnail')?.bytes).toBeGreaterThan(300);
    expect(JSON.stringify(found)).not.toContain(CANARY);
  });

  it('counts further frames', () => {
    expect(hiddenPayloads(plain.get('gif')!, 3)).toEqual([{ kind: 'extra_frames', bytes: 0 }]);
  });

  it.each(['jpeg', 'png', 'webp', 'gif', 'avif'] as const)('is nothing in a plain %s', (format) => {
    expect(hiddenPayloads(plain.get(format)!, 1)).toEqual([]);
    expect(foreignParts(plain.get(format)!)).toEqual([]);
  });

  it.each(FORMATS)('is found foreign in an answer, all of it: %s', (format) => {
    expect(foreignParts(files.get(format)!).length).toBeGreaterThanOrEqual(
      hiddenPayloads(files.get(format)!, 1).length / 2,
    );
    expect(foreignParts(files.get(format)!)).toContain('trailing bytes');
  });
});

describe('the pieces of a file', () => {
  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)('make up all of it: %s', (format) => {
    const bytes = plain.get(format)!;
    expect(partsOf(bytes).format).toBe(format);
    const header = { jpeg: 0, png: 8, webp: 12, gif: 0, tiff: 0, avif: 0 }[format];
    const sum = partsOf(bytes).parts.reduce((total, { size }) => total + size, header);
    if (format !== 'tiff') expect(sum).toBe(bytes.length);
  });

  it('are read from hostile bytes without a throw', () => {
    const sources = [...files.values(), ...plain.values()];
    const change = fc.record({ at: fc.nat(), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.nat(), fc.array(change, { maxLength: 20 }), fc.nat(), (which, changes, cut) => {
        const bytes = Buffer.from(sources[which % sources.length]!);
        // Most changes go to the first bytes, where the structure is.
        for (const { at, value } of changes) bytes[at % (at % 2 === 0 ? 400 : bytes.length)] = value;
        const hostile = bytes.subarray(0, cut % 3 === 0 ? cut % bytes.length : bytes.length);
        expect(Array.isArray(hiddenPayloads(hostile, 1))).toBe(true);
        expect(Array.isArray(foreignParts(hostile))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('files made of millions of pieces', () => {
  const MEGABYTES = 8 * 2 ** 20;
  const repeated = (head: string, unit: string) =>
    Buffer.concat([Buffer.from(head, 'latin1'), Buffer.alloc(MEGABYTES, Buffer.from(unit, 'latin1'))]);

  it.each([
    ['fill bytes of a JPEG', repeated('\xff\xd8', '\xff')],
    ['empty segments of a JPEG', repeated('\xff\xd8', '\xff\xfe\0\x02')],
    ['what looks like the start of a name, behind a JPEG', repeated('\xff\xd8\xff\xd9', 'f')],
    ['empty chunks of a PNG', repeated('\x89PNG\r\n\x1a\n', '\0\0\0\0tEXt\0\0\0\0')],
    ['empty chunks of a WebP', repeated('RIFF\xff\xff\xff\xffWEBP', 'ABCD\0\0\0\0')],
    ['frames of a WebP', repeated('RIFF\xff\xff\xff\xffWEBP', `ANMF\x18\0\0\0${'\0'.repeat(16)}ABCD\0\0\0\0`)],
    ['comments of a GIF', repeated(`GIF89a${'\0'.repeat(7)}`, '!\xfe\0')],
    ['boxes of an AVIF', repeated('\0\0\0\x10ftypavif\0\0\0\0', '\0\0\0\x08free')],
    ['boxes within boxes', repeated('\0\0\0\x10ftypavif\0\0\0\0', '\0\0\0\0meta\0\0\0\0')],
  ])('are read in no time: %s', (_, bytes) => {
    const start = performance.now();
    expect(Array.isArray(hiddenPayloads(bytes, 1))).toBe(true);
    expect(foreignParts(bytes).length).toBeGreaterThan(0);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

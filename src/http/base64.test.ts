import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors/domain-error.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';

const decoded = (text: string) => decodeBase64(Buffer.from(text));
const SLICE = 768 * 1024;

/** As programs, shells, PHP and .NET write them. */
const escapes = [
  (text: string) => text,
  (text: string) => text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
  (text: string) => text.replaceAll(/.{1,76}/g, '$&\\r\\n'),
  (text: string) => text.replaceAll(/.{1,76}/g, '$&\n'),
  (text: string) => text.replaceAll('/', '\\/').replaceAll(/.{1,76}/g, '$&\n'),
  (text: string) => text.replaceAll('/', '\\/'),
  (text: string) => text.replaceAll('+', '\\u002B').replaceAll('=', '\\u003d'),
];

describe('base64', () => {
  it('comes back as the bytes that it stands for, however it is escaped', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...escapes), async (bytes, escape) => {
        const text = Buffer.from(bytes).toString('base64');
        expect(await decoded(escape(text))).toEqual(Buffer.from(bytes));
        expect((await encodeBase64(Buffer.from(bytes))).toString()).toBe(text);
      }),
    );
  });

  it.each([SLICE - 1, SLICE, SLICE + 1, SLICE * 2 + 5, 4_000_000])(
    'does so over the ends of slices: %i bytes',
    async (length) => {
      const bytes = Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 2_654_435_761) >>> 24));
      const text = bytes.toString('base64');
      for (const escape of escapes) expect((await decoded(escape(text))).equals(bytes)).toBe(true);
      expect((await encodeBase64(bytes)).toString()).toBe(text);
    },
  );

  it.each([
    'data:image/png;base64,QUJD',
    'DATA:image/png;name=a.png;BASE64,\\nQUJD',
    'data:image\\/png;base64,QUJD',
    'QUJD',
  ])('leaves a prefix out: %s', async (text) => {
    expect((await decoded(text)).toString()).toBe('ABC');
  });

  it.each([
    'not base64 at all!',
    'AA*A',
    'QUJ=D',
    'QUJ.D',
    'QU\\\\JD',
    'QUJDé',
    'A===',
    'QU\\U002b',
    `${'A'.repeat(SLICE)}=${'A'.repeat(SLICE)}`,
  ])('is refused where it is none: %.20s', async (text) => {
    await expect(decoded(text)).rejects.toThrow(DomainError);
  });

  it('is in a buffer of its own', async () => {
    const bytes = await decoded('QUJD');
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });
});

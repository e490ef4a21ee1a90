import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { safeName } from '../item-name.ts';
import type { Source, SourceFile } from './source.ts';
import { urlFile, urlSource } from './url-source.ts';

const collected = async (source: Source): Promise<SourceFile[]> => {
  const files: SourceFile[] = [];
  for await (const file of source) files.push(file);
  return files;
};

async function* inPieces(text: Buffer, lengths: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (const length of [...lengths, text.length]) {
    yield await Promise.resolve(text.subarray(at, at + length));
    at += length;
  }
}

describe('the file at a URL', () => {
  it.each([
    ['https://images.example/day%201/a.jpg?X-Amz-Signature=secret#part', 'day 1/a.jpg'],
    ['https://images.example/%2e%2e/%2Fetc/passwd', 'etc/passwd'],
    ['https://images.example/100%.jpg', '100%.jpg'],
    ['https://images.example/', 'images.example'],
    ['https://images.example/b%C3%BCcher/%F0%9F%98%80.png', 'bücher/😀.png'],
  ])('has the name of its path: %s is %s', (url, name) => {
    expect(urlFile(url)).toMatchObject({ url });
    expect(safeName(urlFile(url).name)).toBe(name);
  });

  it.each([
    'https://user:secret@images.example/a.jpg',
    'https://secret@images.example/a.jpg',
    'ftp://a/b.jpg',
    'a.jpg',
    '',
  ])('is rejected, and the URL not kept: %j', (url) => {
    const file = urlFile(url);
    expect(file).toMatchObject({ error: { code: 'invalid_request' } });
    expect(JSON.stringify(file)).not.toContain('secret');
  });

  it('never has its query, its fragment or its credentials in its name or its error', () => {
    const secret = fc.constant('S3cr3t');
    const path = fc.webPath();
    const url = fc
      .tuple(fc.webAuthority(), path, fc.constantFrom('?k=', '#', '@'), secret)
      .map(([host, at, mark, token]) =>
        mark === '@' ? `https://u:${token}@${host}${at}` : `https://${host}${at}${mark}${token}`,
      );
    fc.assert(
      fc.property(url, (text) => {
        const file = urlFile(text);
        const shown = 'error' in file ? JSON.stringify(file) : file.name;
        expect(shown).not.toContain('S3cr3t');
      }),
    );
  });
});

describe('a list of URLs', () => {
  it('is read the same, in whatever pieces it arrives', async () => {
    const urls = fc.array(fc.webUrl(), { maxLength: 20 });
    const newline = fc.constantFrom('\n', '\r\n', '\n\n');
    await fc.assert(
      fc.asyncProperty(urls, newline, fc.array(fc.integer({ min: 1, max: 30 })), async (given, end, lengths) => {
        const text = Buffer.from(given.join(end));
        expect(await collected(urlSource(inPieces(text, lengths)))).toEqual(given.map(urlFile));
      }),
    );
  });

  it('is rejected if it is no list of lines', async () => {
    const endless = inPieces(Buffer.alloc(100_000, 'a'), [8000, 8000]);
    await expect(collected(urlSource(endless))).rejects.toThrow(/16384 bytes/);
  });
});

import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type ImageType, sniffImageType } from './image-type.ts';

const latin1 = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

/** The `ftyp` box with which a file of the ISO base media format begins. */
function isoFile(major: string, ...compatible: string[]): Uint8Array {
  const brands = [major, '\0\0\0\0', ...compatible].join('');
  const box = Buffer.alloc(8);
  box.writeUInt32BE(8 + brands.length);
  box.write('ftyp', 4, 'latin1');
  return Buffer.concat([box, latin1(brands), latin1('\0\0\0\x10meta')]);
}

const byHand: [string, Uint8Array, ImageType][] = [
  ['GIF of 1987', latin1('GIF87a\x01\0\x01\0'), 'gif'],
  ['little-endian TIFF', latin1('II*\0\x08\0\0\0'), 'tiff'],
  ['big-endian TIFF', latin1('MM\0*\0\0\0\x08'), 'tiff'],
  ['little-endian BigTIFF', latin1('II+\0\x08\0\0\0'), 'tiff'],
  ['big-endian BigTIFF', latin1('MM\0+\0\x08\0\0'), 'tiff'],
  ['JPEG 2000 file', latin1('\0\0\0\x0cjP  \r\n\x87\n'), 'jpeg2000'],
  ['JPEG 2000 codestream', latin1('\xff\x4f\xff\x51\0\x2f'), 'jpeg2000'],
  ['JPEG XL codestream', latin1('\xff\x0a\x01\x02'), 'jpegxl'],
  ['JPEG XL container', latin1('\0\0\0\x0cJXL \r\n\x87\n'), 'jpegxl'],
  ['BMP', latin1('BM\x36\0\0\0'), 'bmp'],
  ['PDF', latin1('%PDF-1.7\n'), 'pdf'],
  ['SVG', latin1('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'svg'],
  ['SVG after an XML prologue', latin1(`<?xml version="1.0"?>\n<!-- drawn -->\n<SVG>`), 'svg'],
  ['AVIF', isoFile('avif', 'mif1', 'miaf'), 'avif'],
  ['AVIF sequence', isoFile('avis', 'msf1'), 'avif'],
  ['AVIF under the neutral brand', isoFile('mif1', 'miaf', 'avif'), 'avif'],
  ['HEIC', isoFile('heic', 'mif1'), 'heic'],
  ['HEIC under the neutral brand', isoFile('mif1', 'heic'), 'heic'],
  ['HEIC without compatible brands', isoFile('heix'), 'heic'],
  ['HEIC sequence', isoFile('hevc', 'msf1'), 'heic'],
  ['MP4 video', isoFile('isom', 'iso2', 'avc1', 'mp41'), 'unknown'],
  ['RIFF sound', latin1('RIFF\x24\0\0\0WAVEfmt '), 'unknown'],
  ['PNG signature spoilt by a text transfer', latin1('\x89PNG\n\x1a\n'), 'unknown'],
  ['HTML', latin1('<!doctype html><svgfoo>'), 'unknown'],
  ['nothing', new Uint8Array(), 'unknown'],
];

describe('the type of an image by its bytes', () => {
  it.each(['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const)('knows what sharp writes as %s', async (format) => {
    const pixels = sharp({ create: { width: 4, height: 4, channels: 3, background: 'teal' } });
    expect(sniffImageType(await pixels.toFormat(format).toBuffer())).toBe(format);
  });

  it.each(byHand)('knows %s', (_, bytes, type) => {
    expect(sniffImageType(bytes)).toBe(type);
  });

  it('looks for brands in the first box alone', () => {
    const video = isoFile('isom', 'iso2');
    expect(sniffImageType(Buffer.concat([video, latin1('avifavifavifheic')]))).toBe('unknown');
  });

  it('says something of any bytes, and never throws', () => {
    const types = new Set<ImageType>([...byHand.map(([, , type]) => type), 'jpeg', 'png', 'webp']);
    const startsLikeAnImage = fc
      .tuple(fc.constantFrom(...byHand.map(([, bytes]) => bytes)), fc.nat(40), fc.uint8Array({ maxLength: 2000 }))
      .map(([bytes, length, rest]) => Buffer.concat([bytes.subarray(0, length), rest]));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 2000 }), startsLikeAnImage), (bytes) => {
        expect(types).toContain(sniffImageType(bytes));
      }),
    );
  });

  it('does not depend on what follows the first kilobyte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1024, maxLength: 1100 }), fc.uint8Array(), (bytes, rest) => {
        expect(sniffImageType(Buffer.concat([bytes, rest]))).toBe(sniffImageType(bytes));
      }),
    );
  });
});

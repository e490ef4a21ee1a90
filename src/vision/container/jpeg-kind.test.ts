import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { unsupportedJpeg, withEndMarker } from './jpeg-kind.ts';

const SOF0 = 0xc0;

/** A baseline JPEG whose frame header is changed. */
async function jpeg(change: (header: Buffer) => void = () => undefined): Promise<Buffer> {
  const bytes = await sharp({ create: { width: 40, height: 30, channels: 3, background: 'teal' } })
    .jpeg({ quality: 80 })
    .toBuffer();
  const at = bytes.indexOf(Buffer.from([0xff, SOF0]));
  // Marker, length, precision, height, width.
  change(bytes.subarray(at, at + 9));
  return bytes;
}

describe('a JPEG', () => {
  it('of eight bits is supported', async () => {
    expect(unsupportedJpeg(await jpeg())).toBeNull();
    expect(
      unsupportedJpeg(
        await sharp(await jpeg())
          .jpeg({ progressive: true })
          .toBuffer(),
      ),
    ).toBeNull();
  });

  it.each([
    ['12 bits', (header: Buffer) => header.writeUInt8(12, 4), /12 bits per sample/],
    ['lossless', (header: Buffer) => header.writeUInt8(0xc3, 1), /without loss/],
    ['hierarchical', (header: Buffer) => header.writeUInt8(0xc5, 1), /hierarchical/],
    ['JPEG-LS', (header: Buffer) => header.writeUInt8(0xf7, 1), /JPEG-LS/],
    ['height in DNL', (header: Buffer) => header.writeUInt16BE(0, 5), /DNL/],
  ])('that is not supported is named: %s', async (_, change, reason) => {
    expect(unsupportedJpeg(await jpeg(change))).toMatch(reason);
  });

  it('that lacks its end marker gets one', async () => {
    const whole = await jpeg();
    expect(withEndMarker(whole)).toBeNull();
    expect(withEndMarker(Buffer.concat([whole, Buffer.from('trailer')]))).toBeNull();
    expect(Buffer.from(withEndMarker(whole.subarray(0, -2))!).equals(whole)).toBe(true);
  });

  it('that ends before its picture, or within a segment, gets none', async () => {
    const whole = await jpeg();
    expect(withEndMarker(whole.subarray(0, 30))).toBeNull();
    expect(withEndMarker(whole.subarray(0, whole.indexOf(Buffer.from([0xff, SOF0])) + 6))).toBeNull();
  });
});

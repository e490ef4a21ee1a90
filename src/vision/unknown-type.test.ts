import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { describeUnknown } from './unknown-type.ts';

describe('a file of an unknown type', () => {
  it.each([
    ['', 'it is empty'],
    ['PK\x03\x04…', 'it is a ZIP archive'],
    ['\0\0\0\x18ftypisom', 'it is a video or another ISO media file'],
    ['\n<!DOCTYPE html><title>404</title>', 'it is a web page or an XML document'],
    ['data:image/jpeg;base64,/9j/', 'it is a data: URL'],
    ['hello', 'it starts with the bytes 68 65 6c 6c 6f'],
    ['RIFF\x24\0\0\0WAVEfmt ', 'it starts with the bytes 52 49 46 46 24 00 00 00'],
  ])('is described by its first bytes: %j', (content, description) => {
    expect(describeUnknown(Buffer.from(content, 'latin1'))).toBe(description);
  });

  it.each(['jpeg', 'png', 'gif', 'webp'] as const)('that is a %s after other bytes says so', async (format) => {
    const image = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'teal' } })
      .toFormat(format)
      .toBuffer();
    const bytes = Buffer.concat([Buffer.from('\r\n--x'), image]);
    expect(describeUnknown(bytes)).toBe(`it has 5 other bytes before the start of a ${format} image. Remove them`);
  });
});

import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { statedPixels } from './stated-pixels.ts';

const picture = (width: number, height: number) =>
  sharp({
    create: { width, height, channels: 3, background: '#456', noise: { type: 'gaussian', mean: 90, sigma: 9 } },
  });

describe('the pixels that a header states', () => {
  it.each([
    ['baseline JPEG', () => picture(301, 47).jpeg()],
    ['progressive JPEG', () => picture(301, 47).jpeg({ progressive: true })],
    [
      'JPEG with EXIF',
      () =>
        picture(301, 47)
          .withExif({ IFD0: { Copyright: 'nobody' } })
          .jpeg(),
    ],
    ['PNG', () => picture(301, 47).png()],
  ])('are read from a %s', async (_, draw) => {
    expect(statedPixels(await draw().toBuffer())).toBe(301 * 47);
  });

  it('are unknown in other formats, which then count as large', async () => {
    expect(statedPixels(await picture(20, 20).webp().toBuffer())).toBe(Infinity);
    expect(statedPixels(new Uint8Array())).toBe(Infinity);
  });

  it('are unknown if the file ends before they are stated', async () => {
    const jpeg = await picture(64, 64).jpeg().toBuffer();
    const png = await picture(64, 64).png().toBuffer();
    for (let length = 0; length < 20; length++) {
      expect(statedPixels(jpeg.subarray(0, length))).toBe(Infinity);
      expect(statedPixels(png.subarray(0, length))).toBe(Infinity);
    }
  });

  it('are unknown if the height of a JPEG comes after its pixels', async () => {
    const jpeg = await picture(64, 64).jpeg().toBuffer();
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
    jpeg.writeUInt16BE(0, frame + 5);
    expect(statedPixels(jpeg)).toBe(Infinity);
  });
});

import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { noise } from '../../../test/fixtures/shapes.ts';
import { wrapInTiff } from './tiff.ts';

describe('pixels and a profile wrapped in a TIFF', () => {
  it('are read back unchanged, for any size, channels and length of profile', async () => {
    const side = fc.integer({ min: 1, max: 40 });
    const profiles = fc.uint8Array({ minLength: 128, maxLength: 400 });
    await fc.assert(
      fc.asyncProperty(side, side, fc.constantFrom<3 | 4>(3, 4), profiles, async (width, height, channels, profile) => {
        const raster = noise({ width, height }, channels, width);
        const file = wrapInTiff(raster, Buffer.from(profile));
        const metadata = await sharp(file).metadata();
        expect(metadata).toMatchObject({ format: 'tiff', width, height, channels, hasAlpha: channels === 4 });
        expect(metadata.icc?.equals(profile)).toBe(true);
        const { data } = await sharp(file, { ignoreIcc: true }).raw().toBuffer({ resolveWithObject: true });
        expect(data.equals(raster.data)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('keep the color under transparent pixels: alpha is not premultiplied', async () => {
    const data = Uint8Array.of(200, 100, 50, 0, 10, 20, 30, 128);
    const file = wrapInTiff({ width: 2, height: 1, channels: 4, data }, Buffer.alloc(128));
    expect([...(await sharp(file, { ignoreIcc: true }).raw().toBuffer())]).toEqual([...data]);
  });
});

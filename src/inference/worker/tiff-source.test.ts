import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type TiffPage, writeTiff } from '../../../test/fixtures/tiff-writer.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { decodeAtSize, decodeFrames, decodePixels, encodeThumbnail, framesToMask, openImage } from './source-image.ts';
import { hasShared, shared } from '../../../test/support/shared.ts';

/** TIFF comes in many kinds: each is shown as viewers show it, or refused by name. */

const MAX_PIXELS = 1_000_000;
const SIZE = { width: 8, height: 4 };
const BRICK = [180, 60, 40];

function page(
  photometric: number,
  bits: readonly number[],
  sample: readonly number[],
  tags: TiffPage['tags'] = {},
): TiffPage {
  const { width, height } = { width: tags[256]?.[0] ?? SIZE.width, height: tags[257]?.[0] ?? SIZE.height };
  return {
    tags: {
      256: [width],
      257: [height],
      258: bits,
      259: [1],
      262: [photometric],
      277: [bits.length],
      278: [height],
      284: [1],
      ...tags,
    },
    pixels: Uint8Array.from({ length: width * height * sample.length }, (_, at) => sample[at % sample.length]!),
  };
}
const RGB = page(2, [8, 8, 8], BRICK);

/** The refusal's code and words; throws where there is none. */
async function refusal(work: Promise<unknown>): Promise<{ code: string; detail: string }> {
  const error: unknown = await work.then(
    () => new Error('it was taken'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DomainError)) throw error;
  return { code: error.code, detail: error.message };
}

async function firstPixel(tiff: Buffer): Promise<number[]> {
  const { data, channels } = await decodePixels(await openImage(tiff, MAX_PIXELS));
  return [...data.subarray(0, channels)];
}

describe('a TIFF is shown as viewers show it', () => {
  it.each<[string, TiffPage, number[]]>([
    ['gray of 1 bit', page(1, [1], [0xff]), [255, 255, 255]],
    ['gray of 1 bit, white being 0', page(0, [1], [0xff]), [0, 0, 0]],
    ['gray of 4 bits', page(1, [4], [0x33], { 256: [16] }), [51, 51, 51]],
    ['gray', page(1, [8], [77]), [77, 77, 77]],
    ['gray, white being 0', page(0, [8], [77]), [178, 178, 178]],
    ['gray of 16 bits', page(1, [16], [0, 77]), [77, 77, 77]],
    ['gray whose format is undefined', page(1, [8], [77], { 339: [4] }), [77, 77, 77]],
    ['gray with transparency', page(1, [8, 8], [77, 9], { 338: [2] }), [77, 77, 77, 9]],
    ['RGB', RGB, BRICK],
    ['RGB of 16 bits', page(2, [16, 16, 16], [0, 180, 0, 60, 0, 40]), BRICK],
    ['RGB with transparency', page(2, [8, 8, 8, 8], [...BRICK, 9], { 338: [2] }), [...BRICK, 9]],
    ['RGB with premultiplied transparency', page(2, [8, 8, 8, 8], [90, 30, 20, 128], { 338: [1] }), [179, 59, 39, 128]],
  ])('%s', async (_name, tiff, expected) => {
    expect(await firstPixel(writeTiff([tiff]))).toEqual(expected);
    expect(await firstPixel(writeTiff([tiff], { big: true }))).toEqual(expected);
  });

  it.each<[string, TiffPage]>([
    ['that is of no stated kind', page(2, [8, 8, 8, 8], [...BRICK, 0])],
    ['that is unspecified', page(2, [8, 8, 8, 8], [...BRICK, 0], { 338: [0] })],
    ['that is unspecified, beside 16 bits', page(2, [16, 16, 16, 16], [0, 180, 0, 60, 0, 40, 0, 0], { 338: [0] })],
  ])('without a fourth channel %s, at any size', async (_name, tiff) => {
    const source = await openImage(writeTiff([tiff]), MAX_PIXELS);
    expect(source.hasAlpha).toBe(false);
    for (const raster of [await decodePixels(source), await decodeAtSize(source, { width: 4, height: 2 })]) {
      expect(raster.channels).toBe(3);
      expect([...raster.data.subarray(0, 3)]).toEqual(BRICK);
    }
    const thumbnail = await sharp(await encodeThumbnail(source, 4))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(thumbnail.info.channels).toBe(3);
    expect(Math.abs(thumbnail.data[0]! - BRICK[0]!)).toBeLessThan(12);
  });

  it('without its smaller copies and masks', async () => {
    const copy = page(2, [8, 8, 8], [0, 0, 0], { 254: [1], 256: [2], 257: [1] });
    const oldCopy = page(2, [8, 8, 8], [0, 0, 0], { 255: [2], 256: [2], 257: [1] });
    const mask = page(4, [1], [0xff], { 254: [4] });
    const second = page(2, [8, 8, 8], [1, 2, 3]);
    const source = await openImage(writeTiff([RGB, copy, mask, oldCopy, second]), MAX_PIXELS);
    expect(source.frames).toBe(2);
    const [one, other] = await decodeFrames(source, framesToMask(source, 10, MAX_PIXELS));
    expect([...one!.data.subarray(0, 3)]).toEqual(BRICK);
    expect([...other!.data.subarray(0, 3)]).toEqual([1, 2, 3]);
  });
});

describe('a TIFF that cannot be shown as viewers show it is refused by name', () => {
  it.each<[string, TiffPage, RegExp]>([
    ['signed samples', page(1, [16], [0, 1], { 339: [2] }), /signed/],
    ['signed samples in one channel', page(2, [8, 8, 8], BRICK, { 339: [1, 1, 2] }), /signed/],
    ['floats', page(1, [32], [0, 0, 0, 1], { 339: [3] }), /floating-point/],
    ['complex numbers', page(1, [32], [0, 0, 0, 1], { 339: [6] }), /complex/],
    ['32 bits', page(1, [32], [0, 0, 0, 1]), /32 bits/],
    ['12 bits', page(1, [12], [0, 0, 0]), /12 bits/],
    ['unequal depths', page(2, [8, 8, 16], [0, 0, 0, 0]), /8, 8, 16 bits/],
    ['five channels', page(1, [8, 8, 8, 8, 8], [1, 2, 3, 4, 5], { 338: [0, 0, 0, 0] }), /5 channels/],
    ['transparency and a selection', page(2, [8, 8, 8, 8, 8], [1, 2, 3, 4, 5], { 338: [2, 0] }), /5 channels/],
    ['RGB of two channels', page(2, [8, 8], [1, 2]), /2 channels/],
    ['CIELAB', page(8, [8, 8, 8], BRICK), /CIELAB/],
    ['inks that are not CMYK', page(5, [8, 8, 8, 8], [1, 2, 3, 4], { 332: [2] }), /CMYK/],
    ['YCbCr without JPEG', page(6, [8, 8, 8], BRICK, { 530: [1, 1] }), /YCbCr/],
    ['a color filter array', page(32_803, [8], [1]), /camera raw/],
    ['DNG', page(2, [8, 8, 8], BRICK, { 50_706: [1, 4, 0, 0] }), /camera raw/],
    ['a first page that is a smaller copy', page(2, [8, 8, 8], BRICK, { 254: [1] }), /camera raw/],
    ['an unknown compression', page(2, [8, 8, 8], BRICK, { 259: [34_712] }), /34712/],
  ])('%s', async (_name, tiff, words) => {
    for (const file of [writeTiff([tiff]), writeTiff([tiff, RGB])]) {
      const { code, detail } = await refusal(openImage(file, MAX_PIXELS));
      expect(code).toBe('unsupported_image');
      expect(detail).toMatch(words);
    }
  });

  it('whichever page it is', async () => {
    const floats = page(1, [32], [0, 0, 0, 1], { 339: [3] });
    expect((await refusal(openImage(writeTiff([RGB, RGB, floats]), MAX_PIXELS))).detail).toMatch(/floating-point/);
  });

  it('and one whose directories cannot be read is damaged', async () => {
    const file = writeTiff([RGB, RGB]);
    const loop = Buffer.from(file);
    // The last directory's place of the next one says where the first lies.
    loop.writeUInt32LE(loop.readUInt32LE(4), loop.length - 4);
    expect((await refusal(openImage(loop, MAX_PIXELS))).code).toBe('undecodable_image');
  });
});

describe('every page is judged by its header, before any is decoded', () => {
  const large = page(2, [8, 8, 8], [], { 256: [30_000], 257: [30_000] });

  it('by its own size', async () => {
    const { code, detail } = await refusal(openImage(writeTiff([RGB, large]), MAX_PIXELS));
    expect(code).toBe('too_many_pixels');
    expect(detail).toContain('30000 × 30000');
  });

  it('and by the sum of all', async () => {
    const half = page(2, [8, 8, 8], BRICK, { 256: [800], 257: [800] });
    const source = await openImage(writeTiff([RGB, half, half]), MAX_PIXELS);
    expect(() => framesToMask(source, 10, MAX_PIXELS)).toThrow(/1280032 pixels in its 3 frames or pages/);
    expect(framesToMask(source, 10, 1_280_032)).toBe(3);
  });

  it('and a decoder that finds more pixels than the header announced stops', async () => {
    const source = await openImage(writeTiff([RGB]), MAX_PIXELS);
    const larger = { ...source, bytes: writeTiff([page(2, [8, 8, 8], BRICK, { 256: [80] })]) };
    expect((await refusal(decodePixels(larger))).code).toBe('undecodable_image');
  });
});

describe.skipIf(!hasShared('images/odd'))('collected TIFFs', () => {
  it.each([
    ['t-i16-grey.tif', /signed/],
    ['t-float32-grey.tif', /floating-point/],
    ['t-cielab8.tif', /CIELAB/],
    ['t-multispectral5.tif', /5 channels/],
    ['t-dng-like.tif', /camera raw/],
  ])('%s is refused', async (name, words) => {
    const { code, detail } = await refusal(openImage(readFileSync(shared('images/odd', name)), MAX_PIXELS));
    expect(code).toBe('unsupported_image');
    expect(detail).toMatch(words);
  });

  it.each(['t-rgb+selection.tif', 't-rgb+unspecified-zero.tif', 't-preview-second.tif'])(
    '%s shows the drawing',
    async (name) => {
      const source = await openImage(readFileSync(shared('images/odd', name)), MAX_PIXELS);
      expect(source.frames).toBe(1);
      const [shown] = await decodeFrames(source, 1);
      const drawing = await sharp(shared('images/odd', 'base.png')).removeAlpha().raw().toBuffer();
      expect(drawing.equals(shown!.data)).toBe(true);
    },
  );
});

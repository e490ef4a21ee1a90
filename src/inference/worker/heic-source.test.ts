import libheif from 'libheif-js/wasm-bundle.js';
import sharp, { type Sharp } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeHeic, hasHeicEncoder, turned } from '../../../test/fixtures/heic.ts';
import {
  auxiliaryProperty,
  codedItem,
  gridItem,
  type HeifItem,
  mirrorProperty,
  rotationProperty,
  writeHeif,
} from '../../../test/fixtures/heif-writer.ts';
import { crowd, render } from '../../../test/fixtures/portraits.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { decodePixels, encodeThumbnail, openImage } from './source-image.ts';

const SIZE = { width: 320, height: 240 };
const LIMIT = 1_000_000;

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (error: unknown) => (error instanceof DomainError ? error.code : String(error)),
  );

async function decode(heic: Uint8Array) {
  const source = await openImage(heic, LIMIT);
  return { source, raster: await decodePixels(source) };
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((sum, value, at) => sum + Math.abs(value - b[at]!), 0) / a.length;
}

describe.runIf(hasHeicEncoder)('a HEIC', () => {
  let drawn: Buffer;
  let pixels: Buffer;
  let heic: Buffer;
  beforeAll(async () => {
    drawn = await sharp(await render(crowd(3, { seed: 5, ...SIZE })))
      .removeAlpha()
      .png()
      .toBuffer();
    pixels = await sharp(drawn).raw().toBuffer();
    heic = await encodeHeic(drawn, '-q', '95');
  });

  it('shows its picture', async () => {
    const { source, raster } = await decode(heic);
    expect(source).toMatchObject({ format: 'heic', size: SIZE, frames: 1, profile: null, notes: [] });
    expect(raster).toMatchObject({ ...SIZE, channels: 3 });
    expect(meanDifference(raster.data, pixels)).toBeLessThan(2);
  });

  it('of 10 bits does so', async () => {
    const deep = await sharp(drawn).toColorspace('rgb16').png().toBuffer();
    const { raster } = await decode(await encodeHeic(deep, '-q', '95', '-b', '10'));
    expect(meanDifference(raster.data, pixels)).toBeLessThan(2);
  });

  it('with transparency does so', async () => {
    const half = await sharp(drawn).ensureAlpha(0.5).png().toBuffer();
    const { source, raster } = await decode(await encodeHeic(half, '-q', '95'));
    expect(source.hasAlpha).toBe(true);
    const alpha = raster.data.filter((_, at) => at % 4 === 3);
    expect(Math.abs(alpha.reduce((sum, value) => sum + value, 0) / alpha.length - 128)).toBeLessThan(2);
  });

  it.each([1, 2, 3])('that is turned by %i quarters is shown upright', async (quarters) => {
    const { raster } = await decode(turned(heic, quarters));
    const upright = await sharp(drawn)
      .rotate(-90 * quarters)
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(raster).toMatchObject({ width: upright.info.width, height: upright.info.height });
    expect(meanDifference(raster.data, upright.data)).toBeLessThan(2);
  });

  describe('as phones write it', () => {
    const TILE = { width: 192, height: 128 };
    let picture: HeifItem;
    let other: HeifItem;
    beforeAll(async () => {
      picture = codedItem(heic);
      other = codedItem(await encodeHeic(await sharp(drawn).negate().resize(160, 120).png().toBuffer(), '-q', '95'));
    });

    it.each([
      [0, 'top and bottom', (image: Sharp) => image.flip()],
      [1, 'left and right', (image: Sharp) => image.flop()],
    ] as const)('that is mirrored (%i: %s) is shown upright', async (mode, _, mirror) => {
      const file = writeHeif([{ ...picture, properties: [...picture.properties, mirrorProperty(mode)] }]);
      const { raster } = await decode(file);
      expect(meanDifference(raster.data, await mirror(sharp(drawn)).raw().toBuffer())).toBeLessThan(2);
    });

    it('that is turned and then mirrored is shown upright', async () => {
      const file = writeHeif([
        { ...picture, properties: [...picture.properties, rotationProperty(1), mirrorProperty(1)] },
      ]);
      const { source, raster } = await decode(file);
      const turnedLeft = await sharp(drawn).rotate(-90).png().toBuffer();
      expect(source.size).toEqual({ width: SIZE.height, height: SIZE.width });
      expect(meanDifference(raster.data, await sharp(turnedLeft).flop().raw().toBuffer())).toBeLessThan(2);
    });

    it('whose EXIF states another orientation is shown as its properties say', async () => {
      const { exif } = await sharp(await sharp(drawn).withMetadata({ orientation: 6 }).jpeg().toBuffer()).metadata();
      const tiff = exif!.subarray('Exif\0\0'.length);
      const item = { type: 'Exif', data: Buffer.concat([Buffer.alloc(4), tiff]), properties: [], isHidden: true };
      const { source, raster } = await decode(writeHeif([picture, { ...item, references: { cdsc: [0] } }]));
      expect(source.size).toEqual(SIZE);
      expect(meanDifference(raster.data, pixels)).toBeLessThan(2);
    });

    it('in tiles shows them as one picture', async () => {
      const [columns, rows] = [2, 2];
      const wide = await sharp(drawn)
        .extend({ right: columns * TILE.width - SIZE.width, bottom: rows * TILE.height - SIZE.height })
        .png()
        .toBuffer();
      const tiles: HeifItem[] = [];
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const place = { left: column * TILE.width, top: row * TILE.height, ...TILE };
          const tile = await sharp(wide).extract(place).png().toBuffer();
          tiles.push({ ...codedItem(await encodeHeic(tile, '-q', '95')), isHidden: true });
        }
      }
      const grid = gridItem(columns, rows, SIZE.width, SIZE.height, [1, 2, 3, 4]);
      const { source, raster } = await decode(writeHeif([grid, ...tiles]));
      expect(source).toMatchObject({ size: SIZE, frames: 1, notes: [] });
      expect(meanDifference(raster.data, pixels)).toBeLessThan(2);
    });

    it.each([
      ['a gain map', 'auxl', 'urn:com:apple:photo:2020:aux:hdrgainmap'],
      ['a depth map', 'auxl', 'urn:mpeg:hevc:2015:auxid:2'],
      ['a thumbnail', 'thmb', null],
    ] as const)('with %s shows its picture only', async (_, reference, urn) => {
      const properties = urn === null ? other.properties : [...other.properties, auxiliaryProperty(urn)];
      const auxiliary = { ...other, properties, references: { [reference]: [0] }, isHidden: true };
      const { source, raster } = await decode(writeHeif([picture, auxiliary]));
      expect(source).toMatchObject({ size: SIZE, frames: 1, notes: [], hasAlpha: false });
      expect(meanDifference(raster.data, pixels)).toBeLessThan(2);
    });
  });

  it('keeps Display P3 as a profile', async () => {
    const p3 = await decode(await encodeHeic(await sharp(drawn).withIccProfile('p3').png().toBuffer(), '-q', '95'));
    expect(p3.source.profile).not.toBeNull();
    expect(meanDifference(p3.raster.data, await sharp(drawn).withIccProfile('p3').raw().toBuffer())).toBeLessThan(6);
  });

  it('has a thumbnail', async () => {
    const source = await openImage(heic, LIMIT);
    expect(await sharp(await encodeThumbnail(source, 64)).metadata()).toMatchObject({ format: 'webp', width: 64 });
  });

  it('of a sequence shows its primary picture, and says so', async () => {
    const sequence = Buffer.from(heic);
    sequence.write('hevc', sequence.indexOf('ftyp') + 4, 'latin1');
    const { source, raster } = await decode(sequence);
    expect(source.notes).toEqual(['primary_picture_only']);
    expect(meanDifference(raster.data, pixels)).toBeLessThan(2);
  });

  it('is judged by its header before a pixel is decoded', async () => {
    const large = Buffer.from(heic);
    const at = large.indexOf('ispe');
    large.writeUInt32BE(60_000, at + 8);
    large.writeUInt32BE(60_000, at + 12);
    expect(await codeOf(openImage(large, LIMIT))).toBe('too_many_pixels');
  });

  it('that ends too early is refused, wherever', async () => {
    for (const share of [0.1, 0.5, 0.9, 0.999]) {
      const cut = heic.subarray(0, Math.floor(heic.length * share));
      expect(await codeOf(decode(cut)), `cut at ${share}`).toBe('undecodable_image');
    }
    expect((await decode(heic)).raster).toMatchObject(SIZE);
  });

  it('is refused by name where it is turned off', async () => {
    expect(await codeOf(openImage(heic, LIMIT, false))).toBe('unsupported_image');
    await expect(openImage(heic, LIMIT, false)).rejects.toThrow('FACE_API_HEIC');
  });

  it('is decoded a thousand times in the same memory', async () => {
    const small = await encodeHeic(await sharp(drawn).resize(128, 96).png().toBuffer());
    const memoryAfter = async (times: number) => {
      for (let count = 0; count < times; count++) await decode(small);
      return libheif.HEAPU8.length;
    };
    // The memory of WebAssembly only ever grows.
    const first = await memoryAfter(10);
    expect(await memoryAfter(990)).toBe(first);
  });
});

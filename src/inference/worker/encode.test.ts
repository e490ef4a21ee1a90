import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { crowd, encode } from '../../../test/fixtures/portraits.ts';
import { noise } from '../../../test/fixtures/shapes.ts';
import { decode, structuralSimilarity } from '../../../test/support/picture.ts';
import type { Raster } from '../../vision/raster.ts';
import { encodeImage, type Encoding } from './encode.ts';
import { type Effort, OUTPUT_FORMATS, type OutputFormat } from './messages.ts';
import { decodePixels, openImage } from './source-image.ts';

const SIZE = { width: 48, height: 32 };

function as(format: OutputFormat, quality: number, more: Partial<Encoding> = {}): Encoding {
  return { format, quality, effort: 'fast', halvedChroma: false, ...more };
}

async function p3Profile(): Promise<Buffer> {
  const image = sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } });
  return (await sharp(await image.withIccProfile('p3').png().toBuffer()).metadata()).icc!;
}

async function decoded(file: Uint8Array): Promise<Raster> {
  const { data, info } = await sharp(file, { ignoreIcc: true }).raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: info.channels as 3 | 4, data };
}

/** Colors that change slowly: lossy formats stay close. */
function gradient(channels: 3 | 4): Raster {
  const { width, height } = SIZE;
  const data = Uint8Array.from({ length: width * height * channels }, (_, at) => {
    const [pixel, channel] = [Math.floor(at / channels), at % channels];
    return channel === 3
      ? 255
      : channel === 0
        ? 2 * (pixel % width) + 60
        : channel === 1
          ? 2 * Math.floor(pixel / width) + 80
          : 120;
  });
  return { ...SIZE, channels, data };
}

function largestDifference(a: Raster, b: Raster): number {
  return a.data.reduce((most, value, at) => Math.max(most, Math.abs(value - b.data[at]!)), 0);
}

describe.each(OUTPUT_FORMATS)('encoding to %s', (format) => {
  it.each([
    ['without a profile', false],
    ['with a profile', true],
  ])('keeps size and picture %s', async (_, withProfile) => {
    const raster = gradient(3);
    const file = await encodeImage(raster, withProfile ? await p3Profile() : null, as(format, 95));
    const metadata = await sharp(file).metadata();
    expect(metadata).toMatchObject({ ...SIZE, format: format === 'avif' ? 'heif' : format });
    // GIF has no profile: its pixels are converted, see below.
    if (format === 'gif' && withProfile) return;
    expect(largestDifference(await decoded(file), raster)).toBeLessThanOrEqual(8);
  });

  if (format !== 'gif') {
    it('keeps the profile byte for byte, also one of more than 64 KiB', async () => {
      const profile = await p3Profile();
      const long = Buffer.concat([profile, Buffer.alloc(150_000, 7)]);
      long.writeUInt32BE(long.length, 0);
      for (const each of [profile, long]) {
        for (const channels of [3, 4] as const) {
          const { icc } = await sharp(await encodeImage(gradient(channels), each, as(format, 90))).metadata();
          expect(icc?.equals(each)).toBe(true);
        }
      }
    });
  }

  it('adds no profile where there is none', async () => {
    expect((await sharp(await encodeImage(gradient(3), null, as(format, 90))).metadata()).icc).toBeUndefined();
  });

  it('gives a buffer of its own that can be transferred', async () => {
    const file = await encodeImage(gradient(3), null, as(format, 90));
    expect(file.byteOffset).toBe(0);
    expect(file.buffer.byteLength).toBe(file.length);
    expect(structuredClone(file.buffer, { transfer: [file.buffer] }).byteLength).toBeGreaterThan(0);
    expect(file.length).toBe(0);
  });

  it('takes an image of one pixel', async () => {
    const file = await encodeImage(
      { width: 1, height: 1, channels: 3, data: Uint8Array.of(200, 100, 50) },
      null,
      as(format, 90),
    );
    expect(await decoded(file)).toMatchObject({ width: 1, height: 1 });
  });
});

describe('a GIF of pixels with a profile', () => {
  it('is in sRGB', async () => {
    const stored = await sharp({ create: { ...SIZE, channels: 3, background: 'rgb(200,60,30)' } })
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const { data, info } = await sharp(stored, { ignoreIcc: true }).raw().toBuffer({ resolveWithObject: true });
    const raster = { ...SIZE, channels: info.channels as 3, data };
    const file = await decoded(await encodeImage(raster, await p3Profile(), as('gif', 90)));
    expect([...file.data.subarray(0, 3)].map((value, c) => Math.abs(value - [200, 60, 30][c]!) < 4)).toEqual([
      true,
      true,
      true,
    ]);
  });
});

describe('transparency', () => {
  const half: Raster = {
    ...SIZE,
    channels: 4,
    data: new Uint8Array(48 * 32 * 4).map((_, at) => [200, 40, 40, 128][at % 4]!),
  };

  it.each(['png', 'webp', 'avif'] as const)('stays in %s', async (format) => {
    const result = await decoded(await encodeImage(half, null, as(format, 95)));
    expect(result.channels).toBe(4);
    expect(Math.abs(result.data[3]! - 128)).toBeLessThanOrEqual(2);
  });

  it('becomes white in JPEG, which has none', async () => {
    const clear = { ...half, data: half.data.map((value, at) => (at % 4 === 3 ? 0 : value)) };
    for (const profile of [null, await p3Profile()]) {
      const result = await decoded(await encodeImage(clear, profile, as('jpeg', 95)));
      expect(result.channels).toBe(3);
      expect(Math.min(...result.data)).toBeGreaterThanOrEqual(253);
    }
  });
});

describe('quality', () => {
  const opaqueNoise = (channels: 3 | 4) => {
    const raster = noise(SIZE, channels, 1);
    // Under full transparency WebP may keep any color.
    return { ...raster, data: raster.data.map((value, at) => (channels === 4 && at % 4 === 3 ? value | 1 : value)) };
  };

  it.each([
    ['png', 1],
    ['webp', 100],
  ] as const)('of %s at %i loses nothing', async (format, quality) => {
    for (const channels of [3, 4] as const) {
      for (const profile of [null, await p3Profile()]) {
        const raster = opaqueNoise(channels);
        const result = await decoded(await encodeImage(raster, profile, as(format, quality)));
        expect(largestDifference(result, raster)).toBe(0);
      }
    }
  });

  it.each(['jpeg', 'webp', 'avif'] as const)('of %s makes a larger and closer image', async (format) => {
    const raster = noise(SIZE, 3, 2);
    const [low, high] = [
      await encodeImage(raster, null, as(format, 20)),
      await encodeImage(raster, null, as(format, 95)),
    ];
    expect(high.length).toBeGreaterThan(low.length);
    expect(largestDifference(await decoded(high), raster)).toBeLessThan(largestDifference(await decoded(low), raster));
  });

  it('of JPEG keeps color at full resolution from 90, where the source has it so', async () => {
    const subsampling = async (quality: number, halvedChroma: boolean) => {
      const file = await encodeImage(gradient(3), null, as('jpeg', quality, { halvedChroma }));
      return (await sharp(file).metadata()).chromaSubsampling;
    };
    expect(await subsampling(89, false)).toBe('4:2:0');
    expect(await subsampling(90, false)).toBe('4:4:4');
    expect(await subsampling(90, true)).toBe('4:2:0');
    expect(await subsampling(100, true)).toBe('4:2:0');
  });
});

const drawn = await decode(await encode(crowd(4, { seed: 7, width: 320, height: 240 }), 'png'));

describe('effort', () => {
  const raster: Raster = { ...drawn, channels: 3 };
  const encoded = (format: OutputFormat, effort: Effort) => encodeImage(raster, null, as(format, 90, { effort }));

  it.each(['jpeg', 'png', 'tiff'] as const)('makes a smaller %s of the very same picture', async (format) => {
    const [fast, small] = [await encoded(format, 'fast'), await encoded(format, 'small')];
    expect(small.length).toBeLessThan(fast.length);
    expect(largestDifference(await decoded(small), await decoded(fast))).toBe(0);
  });

  it.each(['webp', 'avif', 'gif'] as const)('makes a %s that is as close to the picture', async (format) => {
    const likeness = async (effort: Effort) => structuralSimilarity(drawn, await decode(await encoded(format, effort)));
    const [fast, small] = [await likeness('fast'), await likeness('small')];
    expect(fast).toBeGreaterThan(0.9);
    expect(small).toBeGreaterThan(fast - 0.002);
  });
});

describe('a photo whose color was halved', () => {
  it('comes out as sharp as if its color were kept at full resolution', async () => {
    const scene = crowd(4, { seed: 8, width: 320, height: 240 });
    const source = await openImage(await encode(scene, 'jpeg', { quality: 95, chromaSubsampling: '4:2:0' }), 1_000_000);
    expect(source.halvedChroma).toBe(true);
    const pixels = await decodePixels(source);
    const before = { ...pixels, data: Buffer.from(pixels.data) };
    const likeness = async (halvedChroma: boolean) =>
      structuralSimilarity(before, await decode(await encodeImage(pixels, null, as('jpeg', 90, { halvedChroma }))));
    expect(await likeness(true)).toBeGreaterThan((await likeness(false)) - 0.0005);
  });
});

describe('what came with the image', () => {
  const CANARY = 'CANARY-51.4779N-0.0015W';

  /** A JPEG segment of the given marker. */
  function segment(marker: number, content: string): Buffer {
    const body = Buffer.from(content, 'latin1');
    return Buffer.concat([Buffer.from([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255]), body]);
  }

  async function tagged(format: OutputFormat): Promise<Buffer> {
    const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="${CANARY}"/></rdf:RDF></x:xmpmeta>`;
    const raster = gradient(3);
    const image = await sharp(raster.data, { raw: { ...SIZE, channels: 3 } })
      .toFormat(format)
      .withIccProfile('p3')
      .withExif({ IFD0: { Copyright: CANARY, ImageDescription: CANARY }, IFD3: { GPSLatitudeRef: 'N' } })
      .withXmp(xmp)
      .toBuffer();
    if (format !== 'jpeg') return Buffer.concat([image, Buffer.from(CANARY)]);
    const iptc = segment(0xed, `Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x1c\x1c\x02\x78\0\x17${CANARY}`);
    return Buffer.concat([
      image.subarray(0, 2),
      iptc,
      segment(0xfe, CANARY), // a comment
      image.subarray(2),
      Buffer.from(CANARY), // behind the end, as motion photos keep their video
    ]);
  }

  const cases = (['jpeg', 'png', 'webp', 'avif', 'tiff'] as const).flatMap((from) =>
    OUTPUT_FORMATS.map((to) => [from, to] as const),
  );

  it.each(cases)('is gone from %s to %s, but for the color profile', async (from, to) => {
    const bytes = await tagged(from);
    const before = await sharp(bytes).metadata();
    expect(bytes.includes(CANARY)).toBe(true);
    if (from !== 'tiff') expect(before.exif?.includes(CANARY)).toBe(true);
    expect(before.xmp?.includes(CANARY)).toBe(true);
    if (from === 'jpeg') expect(before.iptc?.includes(CANARY)).toBe(true);

    const source = await openImage(bytes, 1_000_000);
    const file = Buffer.from(await encodeImage(await decodePixels(source), source.profile, as(to, 80)));
    expect(file.includes(CANARY.slice(0, 12))).toBe(false);
    expect(file.includes(Buffer.from(CANARY.slice(0, 12), 'utf16le'))).toBe(false);
    const after = await sharp(file).metadata();
    if (to === 'gif') expect(after.icc).toBeUndefined();
    else expect(after.icc?.equals(before.icc!)).toBe(true);
    expect(after.orientation ?? 1).toBe(1);
    for (const kind of ['exif', 'xmp', 'iptc', 'comments', 'tifftagPhotoshop'] as const) {
      expect(after[kind], kind).toBeUndefined();
    }
  });
});

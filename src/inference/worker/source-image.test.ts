import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { type Orientation, type Scene, withOrientation } from '../../../test/fixtures/portraits.ts';
import { animatedPng, hundredThousandths, withChunks } from '../../../test/fixtures/png-chunks.ts';
import { noise } from '../../../test/fixtures/shapes.ts';
import { hasShared, shared } from '../../../test/support/shared.ts';
import { DomainError, type ErrorCode } from '../../errors/domain-error.ts';
import type { Raster } from '../../vision/raster.ts';
import { release } from './release.ts';
import { decodeAtSize, decodePixels, openImage, resizePixels } from './source-image.ts';

const MAX_PIXELS = 50_000_000;
const FORMATS = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const;

const open = (bytes: Uint8Array) => openImage(bytes, MAX_PIXELS);
const decode = async (bytes: Uint8Array) => decodePixels(await open(bytes));

async function codeOf(work: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
}

/** The left half of one color and the right half of another, 16×8. */
function halves(left: readonly number[], right: readonly number[]): Sharp {
  const channels = left.length as 3 | 4;
  const row = [...Array<readonly number[]>(8).fill(left), ...Array<readonly number[]>(8).fill(right)].flat();
  const data = Buffer.from(Array<number[]>(8).fill(row).flat());
  return sharp(data, { raw: { width: 16, height: 8, channels } });
}

function pixel({ data, channels, width }: Raster, x: number, y: number): number[] {
  return [...data.subarray((y * width + x) * channels, (y * width + x + 1) * channels)];
}

function expectNear(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  const off = actual.map((value, index) => Math.abs(value - expected[index]!));
  expect(Math.max(...off), `${actual.join()} is not ${expected.join()}`).toBeLessThanOrEqual(tolerance);
}

const BRICK = [180, 70, 60];
const SKY = [80, 130, 170];

describe('decoding gives 8-bit RGB of the right color', () => {
  it.each([
    ['JPEG', halves(BRICK, SKY).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }), BRICK, SKY, 8],
    ['JPEG in CMYK', halves(BRICK, SKY).toColorspace('cmyk').jpeg({ quality: 100 }), BRICK, SKY, 34],
    [
      'JPEG in gray',
      halves([90, 90, 90], [200, 200, 200]).toColorspace('b-w').jpeg(),
      Array(3).fill(90),
      Array(3).fill(200),
      4,
    ],
    ['PNG', halves(BRICK, SKY).png(), BRICK, SKY, 0],
    ['PNG of 16 bits', halves(BRICK, SKY).toColorspace('rgb16').png(), BRICK, SKY, 1],
    [
      'PNG in gray',
      halves([90, 90, 90], [200, 200, 200]).toColorspace('b-w').png(),
      Array(3).fill(90),
      Array(3).fill(200),
      1,
    ],
    [
      'PNG in gray of 16 bits',
      halves([90, 90, 90], [200, 200, 200]).toColorspace('grey16').png(),
      Array(3).fill(90),
      Array(3).fill(200),
      1,
    ],
    ['PNG with a palette', halves(BRICK, SKY).png({ palette: true }), BRICK, SKY, 4],
    ['PNG, interlaced', halves(BRICK, SKY).png({ progressive: true }), BRICK, SKY, 0],
    [
      'JPEG, progressive',
      halves(BRICK, SKY).jpeg({ quality: 95, progressive: true, chromaSubsampling: '4:4:4' }),
      BRICK,
      SKY,
      8,
    ],
    ['WebP, lossless', halves(BRICK, SKY).webp({ lossless: true }), BRICK, SKY, 0],
    ['AVIF', halves(BRICK, SKY).avif({ quality: 90, chromaSubsampling: '4:4:4' }), BRICK, SKY, 8],
    [
      'AVIF of 10 bits',
      halves(BRICK, SKY).avif({ quality: 90, bitdepth: 10, chromaSubsampling: '4:4:4' }),
      BRICK,
      SKY,
      8,
    ],
    ['TIFF', halves(BRICK, SKY).tiff({ compression: 'lzw' }), BRICK, SKY, 0],
    ['TIFF in CMYK', halves(BRICK, SKY).toColorspace('cmyk').tiff({ compression: 'none' }), BRICK, SKY, 26],
    ['TIFF of 16 bits', halves(BRICK, SKY).toColorspace('rgb16').tiff({ compression: 'none' }), BRICK, SKY, 1],
  ] as [string, Sharp, number[], number[], number][])('of a %s', async (_, image, left, right, tolerance) => {
    const raster = await decode(await image.toBuffer());
    expect(raster).toMatchObject({ width: 16, height: 8, channels: 3 });
    expect(raster.data.length).toBe(16 * 8 * 3);
    expectNear(pixel(raster, 2, 4), left, tolerance);
    expectNear(pixel(raster, 13, 4), right, tolerance);
  });

  it.each([
    ['PNG', halves([...BRICK, 128], [...SKY, 255]).png(), [...BRICK, 128], 0],
    [
      'PNG of 16 bits',
      halves([...BRICK, 128], [...SKY, 255])
        .toColorspace('rgb16')
        .png(),
      [...BRICK, 128],
      1,
    ],
    ['PNG in gray', halves([90, 90, 90, 40], [9, 9, 9, 255]).toColorspace('b-w').png(), [90, 90, 90, 40], 1],
    ['PNG with a palette', halves([...BRICK, 128], [...SKY, 255]).png({ palette: true }), [...BRICK, 128], 4],
    ['WebP', halves([...BRICK, 128], [...SKY, 255]).webp({ lossless: true }), [...BRICK, 128], 0],
    ['TIFF', halves([...BRICK, 128], [...SKY, 255]).tiff({ compression: 'none' }), [...BRICK, 128], 1],
    ['GIF', halves([...BRICK, 0], [...SKY, 255]).gif(), null, 0],
  ] as [string, Sharp, number[] | null, number][])(
    'and the transparency of a %s',
    async (_, image, left, tolerance) => {
      const source = await open(await image.toBuffer());
      expect(source.hasAlpha).toBe(true);
      const raster = await decodePixels(source);
      expect(raster.channels).toBe(4);
      if (left === null) expect(pixel(raster, 2, 4)[3]).toBe(0);
      else expectNear(pixel(raster, 2, 4), left, tolerance);
      expect(pixel(raster, 13, 4)[3]).toBe(255);
    },
  );

  it('and no transparency where the detector is to look', async () => {
    const source = await open(
      await halves([...BRICK, 128], [...SKY, 255])
        .png()
        .toBuffer(),
    );
    expect(await decodeAtSize(source, { width: 8, height: 4 })).toMatchObject({ width: 8, height: 4, channels: 3 });
    const raster = await resizePixels(await decodePixels(source), { width: 8, height: 4 });
    expect(raster).toMatchObject({ width: 8, height: 4, channels: 3 });
    expectNear(pixel(raster, 1, 2), BRICK, 1);
  });

  it.each([
    [1, 'colors', BRICK],
    [128, 'colors', BRICK],
    [255, 'on white', BRICK],
    [1, 'on white', [254, 254, 254]],
    [1, 'on black', [1, 0, 0]],
    [128, 'on black', BRICK.map((value) => value / 2)],
  ] as const)('and of alpha %i, %s, the color that a viewer shows', async (alpha, view, expected) => {
    const source = await open(
      await halves([...BRICK, alpha], [...SKY, 255])
        .png()
        .toBuffer(),
    );
    const raster = await resizePixels(await decodePixels(source), { width: 8, height: 4 }, view);
    expectNear(pixel(raster, 1, 2), [...expected], 2);
  });
});

describe('the color profile', () => {
  it('is kept where it describes the decoded numbers, which stay as they are stored', async () => {
    const stored = await halves(BRICK, SKY).withIccProfile('p3').png().toBuffer();
    const source = await open(stored);
    expect(source.profile?.equals((await sharp(stored).metadata()).icc!)).toBe(true);
    const raw = await sharp(stored, { ignoreIcc: true }).raw().toBuffer();
    expect(Buffer.from((await decodePixels(source)).data).equals(raw)).toBe(true);
  });

  it('is none where the image has none', async () => {
    expect((await open(await halves(BRICK, SKY).png().toBuffer())).profile).toBeNull();
  });

  it('is none where it is of CMYK: it is used up in the conversion to sRGB', async () => {
    const stored = await halves(BRICK, SKY).withIccProfile('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect(await sharp(stored).metadata()).toMatchObject({ space: 'cmyk', icc: expect.any(Buffer) as Buffer });
    const source = await open(stored);
    expect(source.profile).toBeNull();
    expectNear(pixel(await decodePixels(source), 2, 4), BRICK, 26); // red at the edge of what ink can show
  });

  it('is none where it is of RGB and the image is gray, which is no such image’s description', async () => {
    const { icc } = await sharp(await halves(BRICK, SKY).withIccProfile('p3').png().toBuffer()).metadata();
    const gray = await halves([90, 90, 90], [200, 200, 200]).toColorspace('b-w').jpeg().toBuffer();
    const content = Buffer.concat([Buffer.from('ICC_PROFILE\0\x01\x01', 'latin1'), icc!]);
    const segment = Buffer.concat([
      Buffer.from([0xff, 0xe2, (content.length + 2) >> 8, (content.length + 2) & 255]),
      content,
    ]);
    const stored = Buffer.concat([gray.subarray(0, 2), segment, gray.subarray(2)]);
    expect(await sharp(stored).metadata()).toMatchObject({ space: 'b-w', icc });
    const source = await open(stored);
    expect(source.profile).toBeNull();
    expectNear(pixel(await decodePixels(source), 2, 4), [90, 90, 90], 6);
  });
});

describe('color that is not told by a profile', () => {
  const notesOf = async (bytes: Uint8Array) => (await open(bytes)).notes;

  it.each([
    ['a gamma', { gAMA: hundredThousandths(1) }, [219, 143, 134], 1],
    ['a gamma, before primaries', { gAMA: hundredThousandths(1), sRGB: Buffer.from([0]) }, BRICK, 0],
    ['PQ', { cICP: Buffer.from([9, 16, 0, 1]) }, [255, 0, 0], 1],
  ] as [string, Record<string, Buffer>, number[], number][])(
    'is heeded in a PNG: %s',
    async (_, chunks, shown, tolerance) => {
      const bytes = withChunks(await halves(BRICK, BRICK).png().toBuffer(), chunks);
      expectNear(pixel(await decode(bytes), 2, 4), shown, tolerance);
      expectNear(pixel(await decodeAtSize(await open(bytes), { width: 8, height: 4 }), 2, 2), shown, tolerance);
      expect(await notesOf(bytes)).toEqual('cICP' in chunks ? ['hdr_converted'] : []);
    },
  );

  it('is heeded in an AVIF, with its transparency', async () => {
    const bytes = await halves([...BRICK, 128], [...SKY, 255])
      .avif({ lossless: true, chromaSubsampling: '4:4:4' })
      .toBuffer();
    bytes.writeUInt16BE(8, bytes.indexOf('colrnclx') + 10);
    expectNear(pixel(await decode(bytes), 2, 4), [219, 143, 134, 128], 2);
  });

  it('of inks is shown as browsers do', async () => {
    const bytes = await halves(BRICK, SKY).toColorspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    const inks = await sharp(bytes).pipelineColorspace('cmyk').toColorspace('cmyk').raw().toBuffer();
    const [cyan, magenta, yellow, black] = inks.subarray(8, 12) as unknown as [number, number, number, number];
    const shown = [cyan, magenta, yellow].map((ink) => ((255 - ink) * (255 - black)) / 255);
    expectNear(pixel(await decode(bytes), 2, 4), shown, 3);
  });
});

describe('the orientation', () => {
  const quadrants: Scene = {
    width: 48,
    height: 32,
    faces: [],
    svg: `<svg xmlns="http://www.w3.org/2000/svg" width="48" height="32">
      <rect width="24" height="16" fill="rgb(200,40,40)"/><rect x="24" width="24" height="16" fill="rgb(40,160,40)"/>
      <rect y="16" width="24" height="16" fill="rgb(40,40,200)"/><rect x="24" y="16" width="24" height="16" fill="rgb(230,230,60)"/>
    </svg>`,
  };
  const colors = [
    [200, 40, 40],
    [40, 160, 40],
    [40, 40, 200],
    [230, 230, 60],
  ];
  const cases = (['jpeg', 'webp'] as const).flatMap((format) =>
    ([1, 2, 3, 4, 5, 6, 7, 8] as Orientation[]).map((orientation) => [orientation, format] as const),
  );

  it.each(cases)('%i of a %s is undone at full size and when shrunk', async (orientation, format) => {
    const source = await open(await withOrientation(quadrants, orientation, format));
    expect(source.size).toEqual({ width: 48, height: 32 });
    const full = await decodePixels(source);
    const shrunk = await decodeAtSize(source, { width: 12, height: 8 });
    for (const raster of [full, shrunk]) {
      const [left, right, top, bottom] = [0.25, 0.75, 0.25, 0.75].map((share, index) =>
        Math.floor(share * (index < 2 ? raster.width : raster.height)),
      ) as [number, number, number, number];
      const found = [
        pixel(raster, left, top),
        pixel(raster, right, top),
        pixel(raster, left, bottom),
        pixel(raster, right, bottom),
      ];
      found.forEach((color, index) => {
        expectNear(color, colors[index]!, 40);
      });
    }
    expect(full).toMatchObject({ width: 48, height: 32 });
    expect(shrunk).toMatchObject({ width: 12, height: 8 });
  });
});

describe('decoding at the size of the network', () => {
  it.each(FORMATS)('shows of a %s the same picture as shrinking the full one', async (format) => {
    const smooth = sharp({ create: { width: 400, height: 300, channels: 3, background: '#204060' } }).composite([
      { input: { create: { width: 200, height: 100, channels: 3, background: '#e0a060' } }, left: 120, top: 80 },
    ]);
    const source = await open(await smooth.toFormat(format).toBuffer());
    const size = { width: 97, height: 73 };
    const direct = await decodeAtSize(source, size);
    const byWay = await resizePixels(await decodePixels(source), size);
    expect(direct).toMatchObject({ ...size, channels: 3 });
    expect(byWay).toMatchObject({ ...size, channels: 3 });
    const difference = direct.data.reduce((sum, value, at) => sum + Math.abs(value - byWay.data[at]!), 0);
    expect(difference / direct.data.length).toBeLessThan(2);
  });
});

describe('pixels that are no longer needed', () => {
  it('give their memory back at once, without the garbage collector', async () => {
    const photo = await halves([1, 2, 3], [4, 5, 6]).resize(2000, 2000).png().toBuffer();
    const source = await open(photo);
    const before = process.memoryUsage().external;
    for (let count = 0; count < 20; count++) release((await decodePixels(source)).data);
    // sharp's memory goes by way of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    expect(process.memoryUsage().external - before).toBeLessThan(2 * 2000 * 2000 * 3);
  });

  it('are gone', async () => {
    const raster = await decode(await halves([1, 2, 3], [4, 5, 6]).png().toBuffer());
    release(raster.data);
    expect(raster.data).toHaveLength(0);
  });
});

describe('what is refused', () => {
  const text = (content: string) => Buffer.from(content, 'latin1');

  it.each([
    ['nothing', Buffer.alloc(0), /not recognized/],
    ['text', text('hello'), /not recognized/],
    ['SVG', text('<svg xmlns="http://www.w3.org/2000/svg"/>'), /SVG/],
    ['PDF', text('%PDF-1.7'), /PDF/],
    ['JPEG XL', text('\xff\x0a'), /jpegxl/],
    ['BMP', text('BM6\0\0\0'), /bmp/],
  ])('as a type that is not taken: %s', async (_, bytes, message) => {
    expect(await codeOf(open(bytes))).toBe('unsupported_image');
    await expect(open(bytes)).rejects.toThrow(message);
    await expect(open(bytes)).rejects.toThrow('Send JPEG, PNG, WebP, AVIF, HEIC, GIF or TIFF');
    await expect(openImage(bytes, MAX_PIXELS, false)).rejects.toThrow('Send JPEG, PNG, WebP, AVIF, GIF or TIFF');
  });

  it.each([
    ['12 bits', (header: Buffer) => header.writeUInt8(12, 4), /12 bits per sample/],
    ['lossless', (header: Buffer) => header.writeUInt8(0xc3, 1), /without loss/],
    ['height in DNL', (header: Buffer) => header.writeUInt16BE(0, 5), /DNL/],
  ])('as a kind that is not supported, not as damaged: a JPEG of %s', async (_, change, reason) => {
    const bytes = await halves(BRICK, SKY).jpeg().toBuffer();
    change(bytes.subarray(bytes.indexOf(Buffer.from([0xff, 0xc0]))));
    expect(await codeOf(open(bytes))).toBe('unsupported_image');
    await expect(open(bytes)).rejects.toThrow(reason);
  });

  it.each([{}, { progressive: true }])(
    'only where rows are missing: a JPEG that lacks its end marker %o',
    async (kind) => {
      const raster = noise({ width: 64, height: 64 }, 3, 1);
      const whole = await sharp(raster.data, { raw: raster }).jpeg(kind).toBuffer();
      const shown = await decode(whole);
      for (const missing of [1, 2]) {
        expect((await decode(whole.subarray(0, -missing))).data, `without ${missing} bytes`).toEqual(shown.data);
      }
      for (const missing of [12, 40, 200]) {
        expect(await codeOf(decode(whole.subarray(0, -missing))), `without ${missing} bytes`).toBe('undecodable_image');
      }
    },
  );

  it.each(FORMATS)('as undecodable: a %s that ends too early, wherever', async (format) => {
    const raster = noise({ width: 64, height: 64 }, 3, 1);
    const whole = await sharp(raster.data, { raw: raster }).toFormat(format).toBuffer();
    expect(await codeOf(decode(whole))).toBe('none');
    for (const share of [0.1, 0.5, 0.9]) {
      const cut = whole.subarray(0, Math.floor(whole.length * share));
      expect(await codeOf(decode(cut)), `cut at ${share}`).toBe('undecodable_image');
    }
  });

  it('as undecodable where only the detector looks, too: half a photo must not pass for one without faces', async () => {
    const raster = noise({ width: 640, height: 640 }, 3, 1);
    const whole = await sharp(raster.data, { raw: raster }).jpeg().toBuffer();
    const source = await open(whole.subarray(0, whole.length / 2));
    expect(await codeOf(decodeAtSize(source, { width: 80, height: 80 }))).toBe('undecodable_image');
  });

  it('as undecodable: a PNG of which a byte has been changed', async () => {
    const raster = noise({ width: 64, height: 64 }, 3, 1);
    const bytes = await sharp(raster.data, { raw: raster }).png().toBuffer();
    bytes[bytes.length >> 1]! ^= 0xff;
    expect(await codeOf(decode(bytes))).toBe('undecodable_image');
  });

  it('without the decoder’s own words, which go to the log alone', async () => {
    const error: unknown = await decode(Buffer.from('\x89PNG\r\n\x1a\n rest', 'latin1')).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DomainError);
    expect((error as DomainError).message).not.toMatch(/vips|png/i);
    expect((error as DomainError).cause).toBeInstanceOf(Error);
  });

  it('as too large: judged by the header alone, before a pixel is decoded', async () => {
    const chunk = (type: string, content: Buffer) => {
      const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
      const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
      length.writeUInt32BE(content.length);
      check.writeUInt32BE(crc32(body));
      return Buffer.concat([length, body, check]);
    };
    const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
    header.writeUInt32BE(60_000, 0);
    header.writeUInt32BE(60_000, 4);
    // It says 3.6 gigapixels and holds none: whoever tried to decode it would fail otherwise.
    const bomb = Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      chunk('IHDR', header),
      chunk('IDAT', Buffer.from([0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01])),
      chunk('IEND', Buffer.alloc(0)),
    ]);
    expect(await codeOf(open(bomb))).toBe('too_many_pixels');
    await expect(open(bomb)).rejects.toThrow('60000 × 60000');
  });

  it.each(FORMATS)('as too large: a %s of one pixel more than the limit, and not one at the limit', async (format) => {
    const bytes = await sharp({ create: { width: 20, height: 10, channels: 3, background: 'teal' } })
      .toFormat(format)
      .toBuffer();
    expect(await codeOf(openImage(bytes, 199))).toBe('too_many_pixels');
    expect(await codeOf(openImage(bytes, 200))).toBe('none');
  });

  it('never as anything but a DomainError, whatever bytes are changed, and never decoded to another size than announced', async () => {
    const raster = noise({ width: 24, height: 16 }, 3, 1);
    const files = await Promise.all(
      FORMATS.map((format) => sharp(raster.data, { raw: raster }).toFormat(format).toBuffer()),
    );
    const change = fc.record({ at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), value: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(change, { minLength: 1, maxLength: 6 }),
        async (file, changes) => {
          const bytes = Buffer.from(file);
          for (const { at, value } of changes) bytes[Math.floor(at * bytes.length)] = value;
          try {
            const source = await openImage(bytes, 1_000_000);
            const { width, height, data, channels } = await decodePixels(source);
            expect({ width, height }).toEqual(source.size);
            expect(data.length).toBe(width * height * channels);
          } catch (error) {
            if (!(error instanceof DomainError)) throw error;
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('an image of several frames', () => {
  it.each([false, true])('PNG: is refused by name, with its default picture hidden: %s', async (isHidden) => {
    const frames = await Promise.all(
      [BRICK, SKY].map(async (color) => ({ png: await halves(color, color).png().toBuffer(), delayMs: 100 })),
    );
    const animated = animatedPng(frames, 0, isHidden ? await halves(SKY, BRICK).png().toBuffer() : undefined);
    expect(await codeOf(open(animated))).toBe('unsupported_image');
    await expect(open(animated)).rejects.toThrow('Animated PNG');
  });

  /** A still AVIF with the brands of a sequence. */
  async function sequence(): Promise<Buffer> {
    const bytes = await halves(BRICK, SKY).avif({ quality: 90, chromaSubsampling: '4:4:4' }).toBuffer();
    bytes.write('avis', bytes.indexOf('ftyp') + 4, 'latin1');
    return bytes;
  }

  it('AVIF: shows its primary picture, and says that there may be more', async () => {
    const source = await open(await sequence());
    expect(source.notes).toEqual(['primary_picture_only']);
    const raster = await decodePixels(source);
    expectNear(pixel(raster, 2, 4), BRICK, 8);
    expectNear(pixel(raster, 13, 4), SKY, 8);
    expect((await open(await halves(BRICK, SKY).avif().toBuffer())).notes).toEqual([]);
  });

  it('AVIF: is refused by name where it has no primary picture', async () => {
    const bytes = await sequence();
    bytes.write('free', bytes.indexOf('pitm'), 'latin1');
    expect(await codeOf(open(bytes))).toBe('unsupported_image');
    await expect(open(bytes)).rejects.toThrow('no primary picture');
  });

  it.runIf(hasShared('images/odd', 'images/codec'))('AVIF: real sequences show their primary picture', async () => {
    for (const file of [shared('images/odd', 'v-seq.avif'), shared('images/codec', 'star.avifs')]) {
      const source = await open(await readFile(file));
      expect(source.notes).toEqual(['primary_picture_only']);
      const { width, height } = await decodePixels(source);
      expect({ width, height }).toEqual(source.size);
    }
  });

  it.each(['gif', 'webp'] as const)('%s: says how many, and shows the first', async (format) => {
    const frames = [BRICK, SKY, BRICK].flatMap((color) =>
      Array<number[]>(8 * 8)
        .fill(color)
        .flat(),
    );
    const animated = await sharp(Buffer.from(frames), { raw: { width: 8, height: 24, channels: 3, pageHeight: 8 } })
      .toFormat(format, format === 'webp' ? { lossless: true } : {})
      .toBuffer();
    const source = await open(animated);
    expect(source).toMatchObject({ frames: 3, size: { width: 8, height: 8 } });
    const raster = await decodePixels(source);
    expect(raster).toMatchObject({ width: 8, height: 8 });
    expectNear(pixel(raster, 4, 4).slice(0, 3), BRICK, 4);
  });
});

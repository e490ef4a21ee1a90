import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { jpegParts } from '../../src/vision/container/jpeg-parts.ts';
import { encodeJpeg, type Sampling, SAMPLINGS } from '../fixtures/jpeg-encoder.ts';
import { crowd, render } from '../fixtures/portraits.ts';
import { isInstalled } from '../fixtures/programs.ts';
import { type Random, seededRandom } from '../fixtures/random.ts';
import { type Audit, type Finding, maskedBytes, tryCases, type Verdict } from './check.ts';

/**
 * Two photographs that differ only inside the mask must come out byte for byte the same: then nothing of what was
 * inside is left, whatever anybody computes from the answer.
 */

export const IRREVERSIBLE = ['blur', 'pixelate', 'solid'] as const;
export const REVERSIBLE = ['gaussian', 'mosaic'] as const;
type Method = (typeof IRREVERSIBLE | typeof REVERSIBLE)[number];

interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly data: Uint8Array;
}

interface Region {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

type Encode = (pixels: Pixels, random: Random, quality: number) => Promise<Buffer>;

const toSharp = ({ data, width, height, channels }: Pixels) => sharp(data, { raw: { width, height, channels } });
const progressive =
  (chromaSubsampling: string, mozjpeg: boolean): Encode =>
  (pixels, _random, quality) =>
    toSharp(pixels).jpeg({ quality, chromaSubsampling, progressive: true, optimizeScans: mozjpeg }).toBuffer();

/** Lossless sources, promise 1: with and without transparency. */
const LOSSLESS: Record<string, { readonly channels: 3 | 4; readonly encode: Encode }> = {
  png: { channels: 3, encode: (pixels) => toSharp(pixels).png({ compressionLevel: 1 }).toBuffer() },
  'png with alpha': { channels: 4, encode: (pixels) => toSharp(pixels).png({ compressionLevel: 1 }).toBuffer() },
  'webp lossless': {
    channels: 4,
    encode: (pixels) => toSharp(pixels).webp({ lossless: true, exact: true, effort: 0 }).toBuffer(),
  },
  tiff: { channels: 3, encode: (pixels) => toSharp(pixels).tiff({ compression: 'lzw' }).toBuffer() },
};

/** A program that reads a PPM on its input and writes an image on its output. */
const byProgram =
  (program: string, options: (random: Random, quality: number) => readonly string[]): Encode =>
  async (pixels, random, quality) => {
    const { width, height, data } = pixels;
    const running = promisify(execFile)(program, options(random, quality), { encoding: 'buffer', maxBuffer: 2 ** 26 });
    running.child.stdin!.end(Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), data]));
    return (await running).stdout;
  };

const ffmpeg = (format: string, filters: readonly string[]): Encode =>
  byProgram('ffmpeg', (random, quality) => [
    ...['-loglevel', 'error', '-f', 'ppm_pipe', '-i', '-', '-sws_flags', random.pick(filters)],
    ...['-pix_fmt', format, '-q:v', `${2 + Math.round((100 - quality) / 4)}`, '-f', 'mjpeg', '-'],
  ]);

const cjpeg = (samplings: readonly string[], more: readonly string[]): Encode =>
  byProgram('cjpeg', (random, quality) => [
    ...['-quality', `${quality}`, '-sample', random.pick(samplings), '-smooth', `${random.int(1, 100)}`],
    ...more,
  ]);

const SCANS = fileURLToPath(new URL('../fixtures/spectral.scans', import.meta.url));
const FILTERS = ['bicubic', 'bilinear', 'area', 'gauss', 'lanczos', 'sinc', 'spline'];

/** Encoders that look beyond a block before they code it, as far as they are installed. */
const REACHING: Record<string, Encode> = {
  ...(isInstalled('ffmpeg') && {
    'jpeg of ffmpeg, default filter': ffmpeg('yuvj420p', ['bicubic']),
    'jpeg of ffmpeg, every filter, 4:2:0': ffmpeg('yuvj420p', FILTERS),
    'jpeg of ffmpeg, every filter, 4:1:1': ffmpeg('yuvj411p', FILTERS),
  }),
  ...(isInstalled('cjpeg') && {
    'jpeg of cjpeg, smoothed': cjpeg(['2x2', '2x1', '1x2', '1x1', '4x1'], []),
    'jpeg of cjpeg, smoothed, progressive': cjpeg(['2x2', '1x1'], ['-progressive']),
    'jpeg of cjpeg, one color coded twice and the other in its mean alone': async (pixels, random, quality) =>
      withScansAgain(await cjpeg(['2x2', '1x1'], ['-scans', SCANS])(pixels, random, quality)),
  }),
};

/** JPEG sources, promise 2: every sampling, coded in one pass or several, upright and turned. */
const JPEG: Record<string, Encode> = {
  ...Object.fromEntries(
    (Object.keys(SAMPLINGS) as Sampling[]).map((sampling): [string, Encode] => [
      `jpeg ${sampling}`,
      (pixels, random, quality) => Promise.resolve(turned(encodeJpeg(pixels, sampling, quality), random)),
    ]),
  ),
  'jpeg progressive 4:2:0': progressive('4:2:0', false),
  'jpeg progressive 4:4:4, scans optimized': progressive('4:4:4', true),
  'tiff that holds jpeg': (pixels, random, quality) =>
    toSharp(pixels)
      .tiff({ compression: 'jpeg', quality, tile: random.chance(0.5), tileWidth: 64, tileHeight: 48 })
      .toBuffer(),
  ...REACHING,
};

export async function checkLossless(audit: Audit, methods: readonly Method[] = IRREVERSIBLE): Promise<Finding[]> {
  const base = await drawnPixels();
  const findings = [];
  for (const method of methods) {
    for (const [name, { channels, encode }] of Object.entries(LOSSLESS)) {
      const share = Math.ceil(audit.cases / Object.keys(LOSSLESS).length);
      findings.push(
        await tryCases(audit, 1, `${method}, ${name}`, share, (index) =>
          tryPair(audit, base, seededRandom(index), method, channels, encode),
        ),
      );
    }
  }
  return findings;
}

export async function checkJpeg(audit: Audit, methods: readonly Method[] = IRREVERSIBLE): Promise<Finding[]> {
  const base = await drawnPixels();
  const findings = [];
  for (const [name, encode] of Object.entries(JPEG)) {
    findings.push(
      await tryCases(audit, 2, `${methods.join(', ')}, ${name}`, audit.cases, (index) => {
        const method = methods[index % methods.length]!;
        return tryPair(audit, base, seededRandom(index + 7), method, 3, encode);
      }),
    );
  }
  return findings;
}

/** Drawn people, large enough that every case cuts another piece out of them. */
async function drawnPixels(): Promise<Pixels> {
  const scene = crowd(12, { seed: 5, width: 640, height: 480, background: 'room' });
  const { data, info } = await sharp(await render(scene))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: 3, data };
}

async function tryPair(
  audit: Audit,
  base: Pixels,
  random: Random,
  method: Method,
  channels: 3 | 4,
  encode: Encode,
): Promise<Verdict> {
  const one = cutOut(base, channels, random);
  const regions = Array.from({ length: random.int(1, 3) }, () => anyRegion(one, random));
  const other = changedInside(one, regions, random);
  const quality = random.int(30, 95);
  // Both are turned alike: the encoder draws the orientation from a source of its own.
  const seed = random.int(0, 1e6);
  const sources = await Promise.all([one, other].map((pixels) => encode(pixels, seededRandom(seed), quality)));
  const placed = await Promise.all(sources.map(async (source) => upright(regions, one, await orientationOf(source))));
  const query = {
    detect: false,
    method,
    strength: random.pick([0, 0.5, 1]),
    regions: placed[0]!,
    format: random.pick(['png', 'png', 'webp', 'jpeg']),
    quality: random.pick([100, 80]),
    ...(method === 'gaussian' || method === 'mosaic' ? { allow_reversible: true } : {}),
  };
  const [first, second] = (await Promise.all(sources.map((source) => maskedBytes(audit, source, query)))) as [
    Buffer,
    Buffer,
  ];
  if (first.equals(second)) return null;
  return {
    reason: `the answers differ, with ${JSON.stringify(query)}`,
    files: {
      'source-1': sources[0]!,
      'source-2': sources[1]!,
      'answer-1': first,
      'answer-2': second,
      'query.json': Buffer.from(JSON.stringify(query)),
    },
  };
}

function cutOut(base: Pixels, channels: 3 | 4, random: Random): Pixels {
  const [width, height] = [random.int(20, 110), random.int(20, 110)];
  const [left, top] = [random.int(0, base.width - width), random.int(0, base.height - height)];
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = ((top + y) * base.width + left + x) * 3;
      data.set(base.data.subarray(from, from + 3), (y * width + x) * channels);
      if (channels === 4) data[(y * width + x) * 4 + 3] = random.pick([0, 128, 255]);
    }
  }
  return { width, height, channels, data };
}

/** Inside the picture at least in part, at times across its border; whole and fractional. */
function anyRegion({ width, height }: Pixels, random: Random): Region {
  const [left, top] = [random.between(-5, width - 2), random.between(-5, height - 2)];
  const region = {
    left,
    top,
    right: Math.max(2, left + random.between(2, width / 2)),
    bottom: Math.max(2, top + random.between(2, height / 2)),
  };
  if (random.chance(0.5)) return region;
  return {
    left: Math.floor(region.left),
    top: Math.floor(region.top),
    right: Math.ceil(region.right),
    bottom: Math.ceil(region.bottom),
  };
}

/** Other pixels wherever a region touches: noise, one color, or the negative. */
function changedInside(pixels: Pixels, regions: readonly Region[], random: Random): Pixels {
  const { width, height, channels } = pixels;
  const data = pixels.data.slice();
  const kind = random.int(0, 2);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!regions.some((r) => x + 1 > r.left && x < r.right && y + 1 > r.top && y < r.bottom)) continue;
      for (let at = (y * width + x) * channels, end = at + channels; at < end; at++) {
        data[at] = [random.int(0, 255), 13, 255 - data[at]!][kind]!;
      }
    }
  }
  return { ...pixels, data };
}

/** The same JPEG with an EXIF orientation, drawn at random. */
function turned(jpeg: Buffer, random: Random): Buffer {
  const orientation = random.int(1, 8);
  const tiff = Buffer.from('II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x00\0\0\0\0\0\0\0', 'latin1');
  tiff[18] = orientation;
  const payload = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, payload.length + 2]);
  return Buffer.concat([jpeg.subarray(0, 2), head, payload, jpeg.subarray(2)]);
}

/** The same progressive JPEG, in which the last component's own scan is that of the one before, a second time. */
function withScansAgain(jpeg: Buffer): Buffer {
  const pieces: { readonly bytes: Buffer; readonly scan: Uint8Array }[] = [];
  let [at, start] = [0, 0];
  // A piece is a scan with the tables before it, which hold for it alone.
  for (const { name, size, data } of jpegParts(jpeg)) {
    at += size;
    if (name !== 'scan') continue;
    pieces.push({ bytes: jpeg.subarray(start, at), scan: data });
    start = at;
  }
  const isOf = (scan: Uint8Array, id: number) => scan[0] === 1 && scan[1] === id;
  const again = pieces.find(({ scan }) => isOf(scan, 2))!;
  return Buffer.concat([
    ...pieces.map(({ bytes, scan }) => (isOf(scan, 3) ? again.bytes : bytes)),
    jpeg.subarray(start),
  ]);
}

async function orientationOf(image: Buffer): Promise<number> {
  return (await sharp(image).metadata()).orientation ?? 1;
}

/** Where regions of the stored picture lie in the upright one. */
function upright(regions: readonly Region[], { width, height }: Pixels, orientation: number): Region[] {
  const place = (x: number, y: number): readonly [number, number] => {
    switch (orientation) {
      case 2:
        return [width - x, y];
      case 3:
        return [width - x, height - y];
      case 4:
        return [x, height - y];
      case 5:
        return [y, x];
      case 6:
        return [height - y, x];
      case 7:
        return [height - y, width - x];
      case 8:
        return [y, width - x];
      default:
        return [x, y];
    }
  };
  return regions.map(({ left, top, right, bottom }) => {
    const [x1, y1] = place(left, top);
    const [x2, y2] = place(right, bottom);
    return { left: Math.min(x1, x2), top: Math.min(y1, y2), right: Math.max(x1, x2), bottom: Math.max(y1, y2) };
  });
}

import sharp from 'sharp';
import { crowd, render } from '../fixtures/portraits.ts';
import { seededRandom } from '../fixtures/random.ts';
import { type TiffPage, writeTiff } from '../fixtures/tiff-writer.ts';
import { decode } from '../support/picture.ts';
import { type Audit, type Finding, sendForMask, tryCases, type Verdict } from './check.ts';

/** TIFF holds samples of many kinds: what is searched and sent back is what viewers show, or the kind is refused. */

const SIZE = { width: 240, height: 160 };
const REGION = { left: 60, top: 40, right: 100, bottom: 90 };
const MAX_DIFFERENCE = 2;

interface Kind {
  readonly photometric: number;
  readonly bits: readonly number[];
  readonly tags?: TiffPage['tags'];
  /** Appends the samples of a pixel. */
  readonly write: (pixel: Buffer, rgb: readonly [number, number, number]) => number;
}

const gray = ([red]: readonly [number, number, number]) => red;
const KINDS: Record<string, Kind> = {
  'unsigned, 16 bits': { photometric: 1, bits: [16], write: (to, rgb) => to.writeUInt16LE(257 * gray(rgb)) },
  'signed, 8 bits': { photometric: 1, bits: [8], tags: { 339: [2] }, write: (to, rgb) => to.writeInt8(gray(rgb) >> 1) },
  'signed, 16 bits': {
    photometric: 1,
    bits: [16],
    tags: { 339: [2] },
    write: (to, rgb) => to.writeInt16LE(128 * gray(rgb)),
  },
  'unsigned, 32 bits': { photometric: 1, bits: [32], write: (to, rgb) => to.writeUInt32LE(16_843_009 * gray(rgb)) },
  floats: { photometric: 1, bits: [32], tags: { 339: [3] }, write: (to, rgb) => to.writeFloatLE(gray(rgb) / 255) },
  'RGB and a selection': {
    photometric: 2,
    bits: [8, 8, 8, 8],
    tags: { 338: [0] },
    write: (to, rgb) => channels(to, [...rgb, 0]),
  },
  'five channels': {
    photometric: 1,
    bits: [8, 8, 8, 8, 8],
    tags: { 338: [0, 0, 0, 0] },
    write: (to, rgb) => channels(to, [...rgb, 0, 0]),
  },
};

function channels(to: Buffer, values: readonly number[]): number {
  to.set(values);
  return values.length;
}

export async function checkTiffKinds(audit: Audit): Promise<Finding[]> {
  const names = Object.keys(KINDS);
  return [
    await tryCases(audit, 4, 'every kind of TIFF is shown or refused', Math.max(audit.cases, names.length), (index) => {
      const name = names[index % names.length]!;
      return tryKind(audit, name, KINDS[name]!, seededRandom(index).int(1, 1000));
    }),
  ];
}

async function tryKind(audit: Audit, name: string, kind: Kind, seed: number): Promise<Verdict> {
  const drawn = await sharp(await render(crowd(3, { seed, ...SIZE })))
    .removeAlpha()
    .raw()
    .toBuffer();
  const isGrey = kind.bits.length === 1;
  const shown = isGrey ? drawn.map((_, at) => drawn[at - (at % 3)]!) : drawn;
  const source = writeTiff([{ tags: tagsOf(kind), pixels: samplesOf(kind, shown) }]);
  const query = { detect: false, method: 'solid', regions: [REGION], format: 'png' };
  const response = await sendForMask(audit, source, query);
  const answer = Buffer.from(await response.arrayBuffer());
  if (response.status === 415) return null;
  const files = { source, answer };
  if (!response.ok) return { reason: `${name}: ${response.status}`, files };
  const { data } = await decode(answer);
  for (let y = 0; y < SIZE.height; y++) {
    for (let x = 0; x < SIZE.width; x++) {
      if (x >= REGION.left && x < REGION.right && y >= REGION.top && y < REGION.bottom) continue;
      const at = 3 * (y * SIZE.width + x);
      if (Math.abs(data[at]! - shown[at]!) > MAX_DIFFERENCE) {
        return { reason: `${name}: the pixel ${x}, ${y} is ${data[at]} instead of ${shown[at]}`, files };
      }
    }
  }
  const { channels: planes } = await sharp(answer).metadata();
  return planes === 3 ? null : { reason: `${name}: the answer has ${planes} channels`, files };
}

function tagsOf({ photometric, bits, tags = {} }: Kind): TiffPage['tags'] {
  const { width, height } = SIZE;
  const samples = bits.length;
  return {
    256: [width],
    257: [height],
    258: bits,
    259: [1],
    262: [photometric],
    277: [samples],
    278: [height],
    284: [1],
    ...tags,
  };
}

function samplesOf({ bits, write }: Kind, rgb: Uint8Array): Buffer {
  const bytes = bits.reduce((sum, depth) => sum + depth, 0) / 8;
  const samples = Buffer.alloc((rgb.length / 3) * bytes);
  for (let pixel = 0; pixel < rgb.length / 3; pixel++) {
    const [red, green, blue] = rgb.subarray(3 * pixel, 3 * pixel + 3) as unknown as [number, number, number];
    write(samples.subarray(pixel * bytes), [red, green, blue]);
  }
  return samples;
}

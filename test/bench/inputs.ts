import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import sharp from 'sharp';
import { crowd, encode, type Format } from '../fixtures/portraits.ts';

/** What the benchmark sends: drawn crowds, and files of one's own. */
export interface Input {
  readonly name: string;
  readonly bytes: Buffer;
}

const SIZES = {
  '640×480': { width: 640, height: 480, seed: 3 },
  '1080p': { width: 1920, height: 1080, seed: 1 },
  '12 MP': { width: 4000, height: 3000, seed: 2 },
} as const;
export type InputSize = keyof typeof SIZES;

const FACES = 12;
/** Cameras' files are as noisy as their sensors: flat drawings are decoded and encoded faster than any photograph. */
const NOISE = 6;

export async function drawnInput(size: InputSize, format: Format): Promise<Input> {
  const { seed, ...area } = SIZES[size];
  const drawing = await encode(crowd(FACES, { ...area, seed }), 'png', { compressionLevel: 0 });
  const grain = await sharp({
    create: { ...area, channels: 3, background: '#000', noise: { type: 'gaussian', mean: 128, sigma: NOISE } },
  })
    .png({ compressionLevel: 0 })
    .toBuffer();
  const photo = sharp(drawing).composite([{ input: grain, blend: 'soft-light' }]);
  const options = format === 'jpeg' ? { quality: 90, chromaSubsampling: '4:2:0' } : {};
  return {
    name: `${size} ${NAMES[format] ?? format.toUpperCase()}`,
    bytes: await photo.toFormat(format, options).toBuffer(),
  };
}

const NAMES: Partial<Record<Format, string>> = { webp: 'WebP' };

/** What the service is asked about, beside files of one's own. */
export function drawnInputs(): Promise<Input[]> {
  return Promise.all([
    drawnInput('640×480', 'jpeg'),
    drawnInput('1080p', 'jpeg'),
    drawnInput('12 MP', 'jpeg'),
    drawnInput('1080p', 'png'),
    drawnInput('1080p', 'webp'),
  ]);
}

export async function fileInput(file: string): Promise<Input> {
  return { name: basename(file), bytes: await readFile(file) };
}

import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectionSchema } from '../src/inference/schemas.ts';
import { maskedSchema } from '../src/masking/schemas.ts';
import { setGifDelays } from '../src/vision/container/gif-delays.ts';
import { COUNTED_MS, restoreFrames } from '../src/vision/container/webp-animation.ts';
import { emptyScene, portrait, render } from './fixtures/portraits.ts';
import { asBox, type Box, decode, difference } from './support/picture.ts';
import { expectProblem, send, type Service, startService } from './support/service.ts';

/** Animations and pages: every frame is masked, and the film comes back. */

const SIZE = { width: 240, height: 300 };
const FORMATS = ['gif', 'webp', 'tiff'] as const;
type Film = (typeof FORMATS)[number];

const scene = portrait({ ...SIZE, faceHeight: 120 });
const face = asBox(scene.faces[0]!.box);
const person = await render(scene);
const nobody = await render(emptyScene({ ...SIZE, background: 'gradient' }));

let service: Service;
beforeAll(async () => {
  service = await startService({ FACE_API_MAX_FRAMES: '6' });
});
afterAll(() => service.close());

/** A dot wanders along the top, since encoders drop a frame that looks like the one before. */
async function film(format: Film, pictures: readonly Buffer[]): Promise<Buffer> {
  const dot = { create: { width: 6, height: 6, channels: 3, background: '#00ff00' } } as const;
  const frames = await Promise.all(
    pictures.map((picture, index) =>
      sharp(picture)
        .composite([{ input: dot, left: 10 + 12 * index, top: 4 }])
        .png()
        .toBuffer(),
    ),
  );
  const joined = sharp([...frames], { join: { animated: true } });
  if (format === 'gif') return joined.gif({ delay: frames.map((_, index) => 40 + 10 * index), loop: 3 }).toBuffer();
  if (format === 'webp') return joined.webp({ lossless: true, delay: frames.map(() => 70), loop: 2 }).toBuffer();
  return joined.tiff({ compression: 'lzw' }).toBuffer();
}

const mask = (image: Buffer, options: Record<string, unknown> = {}) =>
  send(service.url, 'mask', image, { options: { method: 'solid', color: '#ff00ff', ...options } });

async function bytesOf(response: Response): Promise<Buffer> {
  const bytes = Buffer.from(await response.arrayBuffer());
  expect({ status: response.status, body: response.ok ? '' : bytes.toString() }).toEqual({ status: 200, body: '' });
  return bytes;
}

async function frameOf(image: Buffer, page: number) {
  return decode(await sharp(image, { page }).png().toBuffer());
}

const MAGENTA = [255, 0, 255];

/** The share of a box's pixels that have the color of the mask. */
function maskedShare({ data, width }: { data: Buffer; width: number }, box: Box): number {
  let [inside, all] = [0, 0];
  for (let y = Math.ceil(box.top); y < Math.floor(box.bottom); y++) {
    for (let x = Math.ceil(box.left); x < Math.floor(box.right); x++, all++) {
      if (MAGENTA.every((value, c) => Math.abs(data[(y * width + x) * 3 + c]! - value) < 40)) inside++;
    }
  }
  return inside / all;
}

describe.each(FORMATS)('%s with many frames', (format) => {
  it('comes back with as many, at the same pace', async () => {
    const source = await film(format, [nobody, person, nobody, nobody]);
    const before = await sharp(source).metadata();
    const after = await sharp(await bytesOf(await mask(source))).metadata();

    expect(after).toMatchObject({ format, pages: 4, ...SIZE });
    expect({ delay: after.delay, loop: after.loop }).toEqual({ delay: before.delay, loop: before.loop });
  });

  it('has a face masked that is in the second frame alone', async () => {
    const source = await film(format, [nobody, person, nobody, nobody]);
    const result = await bytesOf(await mask(source));

    expect(maskedShare(await frameOf(result, 1), face)).toBeGreaterThan(0.98);
    expect(maskedShare(await frameOf(result, 3), face)).toBe(0);
  });

  it('has with a mark the outline in every frame', async () => {
    const regions = [{ left: 20, top: 220, right: 120, bottom: 280 }];
    const options = { detect: false, regions, mark: true, quality: 100 };
    const result = await bytesOf(await mask(await film(format, [nobody, person, nobody]), options));

    for (const page of [0, 1, 2]) {
      const { data, width } = await frameOf(result, page);
      const is = (color: readonly number[], y: number) =>
        color.every((value, c) => Math.abs(data[(y * width + 70) * 3 + c]! - value) < 40);
      const edge = (y: number) => is([255, 255, 255], y) && is([0, 0, 0], y + 1) && is(MAGENTA, y + 2);
      expect(Array.from({ length: 250 }, (_, y) => y).filter(edge)).toHaveLength(1);
    }
  });

  it('says which frame each face is in', async () => {
    const source = await film(format, [nobody, person, nobody]);
    const response = await send(service.url, 'mask', source, {
      headers: { accept: 'application/json' },
      options: { threshold: 0.5 },
    });
    const body = maskedSchema.parse(await response.json());

    expect(body.image.frames).toBe(3);
    expect(body.faces.map(({ frame }) => frame)).toEqual([1]);
    expect(body.hidden_payloads.map(({ kind }) => kind)).toContain('extra_frames');
  });

  it('is refused beyond the limit of frames, whole', async () => {
    const source = await film(format, Array<Buffer>(7).fill(person));

    const { detail } = await expectProblem(await mask(source), 415, 'unsupported-image');
    expect(detail).toContain('7 frames');
  });

  it('is refused in a format that holds one picture', async () => {
    const source = await film(format, [nobody, person]);

    await expectProblem(await mask(source, { format: 'jpeg' }), 400, 'invalid-option');
  });

  it('is searched in its first frame by detection, which tells how many there are', async () => {
    const response = await send(service.url, 'detect', await film(format, [person, nobody]));
    const body = detectionSchema.parse(await response.json());

    expect(body.image.frames).toBe(2);
    expect(body.face_count).toBe(1);
  });
});

describe.each(['gif', 'webp'] as const)('the pace of %s', (format) => {
  /** Frames that look alike, each with its duration: the encoder of WebP would merge them. */
  async function still(delays: readonly number[]): Promise<Buffer> {
    const { width, height } = SIZE;
    const raw = { width, height: height * delays.length, channels: 3 as const, pageHeight: height };
    const pixels = await sharp(person).removeAlpha().raw().toBuffer();
    const encoded = new Uint8Array(
      await sharp(Buffer.concat(delays.map(() => pixels)), { raw })
        .toFormat(format, { loop: 2, delay: delays.map(() => COUNTED_MS), keepDuplicateFrames: true })
        .toBuffer(),
    );
    if (format === 'webp') return Buffer.from(restoreFrames(encoded, delays, 2));
    setGifDelays(encoded, delays);
    return Buffer.from(encoded);
  }

  it('is kept by frames that look alike, and by one that is shown for eleven minutes', async () => {
    const delays = [100, 200, 655_350, 400, 500];
    const response = await mask(await still(delays));
    expect(response.headers.get('x-notes')).toBeNull();
    expect(await sharp(await bytesOf(response)).metadata()).toMatchObject({ pages: 5, delay: delays, loop: 2 });
  });

  it.runIf(format === 'webp')(
    'is shortened, and that is said, where the output cannot hold a frame for so long',
    async () => {
      const response = await mask(await still([100, 700_000]), { format: 'gif' });
      expect(response.headers.get('x-notes')).toBe('delays_shortened');
      expect((await sharp(await bytesOf(response)).metadata()).delay).toEqual([100, 655_350]);
    },
  );
});

describe.each(['gif', 'webp'] as const)('masks of neighboring frames of %s', (format) => {
  it('are joined, so that a face missed in one frame stays covered', async () => {
    const source = await film(format, [nobody, person, nobody, nobody]);
    const result = await bytesOf(await mask(source));

    expect(maskedShare(await frameOf(result, 0), face)).toBeGreaterThan(0.98);
    expect(maskedShare(await frameOf(result, 2), face)).toBeGreaterThan(0.98);
  });
});

describe('pages', () => {
  it('are left alone where nobody is on them', async () => {
    const source = await film('tiff', [nobody, person]);
    const result = await bytesOf(await mask(source, { threshold: 0.5 }));

    expect(difference(await frameOf(result, 0), await frameOf(source, 0), () => true)).toBe(0);
  });

  it('become an animation where one is asked for', async () => {
    const result = await bytesOf(await mask(await film('tiff', [nobody, person]), { format: 'webp' }));

    expect(await sharp(result).metadata()).toMatchObject({ format: 'webp', pages: 2 });
  });
});

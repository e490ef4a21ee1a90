import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_DETECT, DEFAULT_MASK } from '../../../test/fixtures/default-settings.ts';
import { type Orientation, portrait, render, withOrientation } from '../../../test/fixtures/portraits.ts';
import { asBox, decode, overlap } from '../../../test/support/picture.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { Detector } from './detector.ts';
import type { CancelFlag, DetectSettings, MaskSettings } from './messages.ts';
import { detectFaces, maskFaces, type Tools } from './pipeline.ts';
import { hasShared, shared } from '../../../test/support/shared.ts';

const detect = DEFAULT_DETECT;
const mask: MaskSettings = {
  ...DEFAULT_MASK,
  style: { method: 'solid', color: [255, 0, 255], strength: 0.5, mark: false },
};

function newCancel(): CancelFlag {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** The answer, or the code of the problem; any other error is a failure of the service. */
async function orCode<Answer>(work: Promise<Answer>): Promise<Answer | string> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
}

let tools: Tools;

beforeAll(async () => {
  const detector = await Detector.load(fileURLToPath(new URL('../../../models/embedded.onnx', import.meta.url)), 1);
  tools = { detector, second: null, maxPixels: 50_000_000, maxFrames: 100 };
});

describe('the mask of a face', () => {
  const scene = portrait({ width: 480, height: 360, seed: 11 });
  const face = scene.faces[0]!.box;
  const isMagenta = (pixel: Uint8Array) => pixel[0]! > 200 && pixel[1]! < 60 && pixel[2]! > 200;

  it.each([1, 2, 3, 4, 5, 6, 7, 8] as Orientation[])(
    'lies on the face where the EXIF orientation is %i',
    async (orientation) => {
      const image = await withOrientation(scene, orientation);
      const answer = await maskFaces({ image, detect, mask, cancel: newCancel() }, tools);
      expect(answer).toMatchObject({ image: { width: 480, height: 360, format: 'jpeg' }, maskedCount: 1 });
      const { data, info } = await sharp(answer.output.bytes).raw().toBuffer({ resolveWithObject: true });
      expect(info).toMatchObject({ width: 480, height: 360 });
      let [inFace, outside] = [0, 0];
      for (let y = 0; y < 360; y++) {
        for (let x = 0; x < 480; x++) {
          if (!isMagenta(data.subarray((y * 480 + x) * 3))) continue;
          if (x >= face[0] && x < face[2] && y >= face[1] && y < face[3]) inFace++;
          else outside++;
        }
      }
      const area = (face[2] - face[0]) * (face[3] - face[1]);
      expect(inFace / area).toBeGreaterThan(0.97);
      expect(outside / area).toBeLessThan(1.5);
    },
  );
});

describe('what a task asks for', () => {
  it('without detection, is that the regions alone are masked, and the network is left alone', async () => {
    const region = { left: 5, top: 6, right: 20, bottom: 16 };
    const image = await sharp({ create: { width: 32, height: 24, channels: 3, background: 'white' } })
      .png()
      .toBuffer();
    const broken = { ...tools, detector: null as unknown as Detector };
    const task = { image, detect: null, mask: { ...mask, regions: [region] }, cancel: newCancel() };
    const answer = await maskFaces(task, broken);
    expect(answer).toMatchObject({ faces: [], maskedCount: 1, output: { format: 'png' } });
    const data = await sharp(answer.output.bytes).raw().toBuffer();
    for (let y = 0; y < 24; y++) {
      for (let x = 0; x < 32; x++) {
        const inside = x >= 5 && x < 20 && y >= 6 && y < 16;
        expect([...data.subarray((y * 32 + x) * 3, (y * 32 + x) * 3 + 3)]).toEqual([255, inside ? 0 : 255, 255]);
      }
    }
  });

  it('is refused where a region lies outside the image, naming which', async () => {
    const image = await sharp({ create: { width: 32, height: 24, channels: 3, background: 'white' } })
      .png()
      .toBuffer();
    const inside = { left: 0, top: 0, right: 1, bottom: 1 };
    const outside = { left: 32, top: 0, right: 40, bottom: 9 };
    const task = { image, detect: null, mask: { ...mask, regions: [inside, outside] }, cancel: newCancel() };
    await expect(maskFaces(task, tools)).rejects.toMatchObject({ code: 'invalid_option' });
    await expect(maskFaces(task, tools)).rejects.toThrow('regions[1]');
  });

  it.each([
    ['jpeg', 'jpeg'],
    ['png', 'png'],
    ['webp', 'webp'],
    ['avif', 'avif'],
    ['gif', 'gif'],
    ['tiff', 'tiff'],
  ] as const)('is answered in the format of the image: %s as %s', async (from, to) => {
    const image = await sharp({ create: { width: 32, height: 24, channels: 3, background: 'white' } })
      .toFormat(from)
      .toBuffer();
    const answer = await maskFaces({ image, detect: null, mask, cancel: newCancel() }, tools);
    expect(answer).toMatchObject({ image: { format: from }, output: { format: to } });
    expect((await sharp(answer.output.bytes).metadata()).format).toBe(to === 'avif' ? 'heif' : to);
  });

  it('is AVIF of a third of the pixels that are taken, since its encoder takes three times the memory', async () => {
    const image = await sharp({ create: { width: 30, height: 20, channels: 3, background: 'white' } })
      .png()
      .toBuffer();
    const task = { image, detect: null, mask: { ...mask, format: 'avif' as const }, cancel: newCancel() };
    expect((await maskFaces(task, { ...tools, maxPixels: 1800 })).output.format).toBe('avif');
    const less = maskFaces(task, { ...tools, maxPixels: 1799 });
    await expect(less).rejects.toMatchObject({ code: 'invalid_option' });
    await expect(less).rejects.toThrow(/^format: avif .* 599 pixels.* 30 × 20/);
  });

  it('is not masked in part where it has more frames than are taken', async () => {
    const animated = await sharp(Buffer.alloc(8 * 16 * 3), {
      raw: { width: 8, height: 16, channels: 3, pageHeight: 8 },
    })
      .gif({ keepDuplicateFrames: true })
      .toBuffer();
    expect((await sharp(animated).metadata()).pages).toBe(2);
    const few = { ...tools, maxFrames: 1 };
    await expect(maskFaces({ image: animated, detect, mask, cancel: newCancel() }, few)).rejects.toMatchObject({
      code: 'unsupported_image',
    });
    expect((await detectFaces({ image: animated, detect, cancel: newCancel() }, tools)).faces).toEqual([]);
  });

  it('hides the color beneath transparent pixels', async () => {
    const data = Buffer.from(Array<number[]>(64).fill([200, 100, 50, 0]).flat());
    const image = await sharp(data, { raw: { width: 8, height: 8, channels: 4 } })
      .png()
      .toBuffer();
    const answer = await maskFaces({ image, detect: null, mask, cancel: newCancel() }, tools);
    expect((await sharp(answer.output.bytes).raw().toBuffer()).every((value) => value === 0)).toBe(true);
  });
});

describe('an image with transparency', () => {
  const size = { width: 320, height: 400 };
  const drawn = asBox(portrait({ ...size, seed: 11 }).faces[0]!.box);

  /** The drawn person, each pixel changed to one with transparency. */
  async function transparent(change: (rgb: readonly number[], x: number, y: number) => readonly number[]) {
    const { data, width, height } = await decode(await render(portrait({ ...size, seed: 11 })));
    const rgba = Array.from({ length: width * height }, (_, pixel) =>
      change([...data.subarray(3 * pixel, 3 * pixel + 3)], pixel % width, Math.floor(pixel / width)),
    );
    return sharp(Buffer.from(rgba.flat()), { raw: { width, height, channels: 4 } })
      .png()
      .toBuffer();
  }
  const isNearFace = (x: number, y: number) =>
    x > drawn.left - 40 && x < drawn.right + 40 && y > drawn.top - 60 && y < drawn.bottom + 30;
  const gray = ([r, g, b]: readonly number[]) => Math.round(0.299 * r! + 0.587 * g! + 0.114 * b!);

  const images = {
    'black ink, the picture in the alpha channel': () => transparent((rgb) => [0, 0, 0, 255 - gray(rgb)]),
    'white ink, the picture in the alpha channel': () => transparent((rgb) => [255, 255, 255, gray(rgb)]),
    'a face under alpha 1': () => transparent((rgb, x, y) => [...rgb, isNearFace(x, y) ? 1 : 255]),
    'a person cut out': () => transparent((rgb, x, y) => [...rgb, isNearFace(x, y) ? 255 : 0]),
    'an alpha channel that is opaque': () => transparent((rgb) => [...rgb, 255]),
  };

  it.each(Object.entries(images))('is searched in all that it may show, by detection as well: %s', async (_, make) => {
    const image = await make();
    const { faces } = await detectFaces({ image, detect, cancel: newCancel() }, tools);
    const options = { ...mask, verify: true, format: 'png' as const };
    const answer = await maskFaces({ image, detect, mask: options, cancel: newCancel() }, tools);
    expect(faces).toHaveLength(1);
    expect(overlap(faces[0]!.box, drawn)).toBeGreaterThan(0.5);
    expect(answer).toMatchObject({ faces, verification: { outcome: 'clean' } });
    const { data } = await decode(answer.output.bytes);
    const center = Math.round((drawn.top + drawn.bottom) / 2) * size.width + Math.round((drawn.left + drawn.right) / 2);
    expect([...data.subarray(3 * center, 3 * center + 3)]).toEqual([255, 0, 255]);
  });

  it('is searched as it is answered: what full transparency hides is black by then', async () => {
    const image = await transparent((rgb, x, y) => [...rgb, isNearFace(x, y) ? 0 : 255]);
    expect((await detectFaces({ image, detect, cancel: newCancel() }, tools)).faces).toEqual([]);
    const answer = await maskFaces({ image, detect, mask, cancel: newCancel() }, tools);
    expect(answer.maskedCount).toBe(0);
    const { data } = await decode(answer.output.bytes);
    const center = Math.round((drawn.top + drawn.bottom) / 2) * size.width + Math.round((drawn.left + drawn.right) / 2);
    expect([...data.subarray(3 * center, 3 * center + 3)]).toEqual([0, 0, 0]);
  });

  it.each([
    ['opaque', (x: number) => (x < 0 ? 0 : 255), 1, 1, 1],
    ['transparent or not', (x: number) => (x < 20 ? 0 : 255), 2, 2, 1],
    ['transparent in part', (x: number) => (x < 20 ? 100 : 255), 3, 3, 1],
  ] as const)('costs a look for each view: %s', async (_, alpha, looks, verifiedPng, verifiedJpeg) => {
    const image = await transparent((rgb, x) => [...rgb, alpha(x)]);
    let count = 0;
    const counting = {
      kind: tools.detector.kind,
      fixedCanvas: tools.detector.fixedCanvas,
      pace: tools.detector.pace,
      inputFor: tools.detector.inputFor.bind(tools.detector),
      infer: (...given: Parameters<Detector['infer']>) => {
        count++;
        return tools.detector.infer(...given);
      },
    } as unknown as Detector;
    const counted = { ...tools, detector: counting, second: null };
    const once: DetectSettings = { ...detect, largeFaces: false, recall: 'fast' };
    // A fill that no network takes for a face: else the original would be searched once more.
    const style = { ...mask.style, color: [0, 0, 0] } as const;
    const countOf = async (work: (counted: Tools) => Promise<unknown>) => {
      count = 0;
      await work(counted);
      return count;
    };
    const masking = (changes: Partial<MaskSettings>) => (given: Tools) =>
      maskFaces({ image, detect: once, mask: { ...mask, style, ...changes }, cancel: newCancel() }, given);
    expect(await countOf((given) => detectFaces({ image, detect: once, cancel: newCancel() }, given))).toBe(looks);
    expect(await countOf(masking({}))).toBe(looks);
    expect(await countOf(masking({ verify: true, format: 'png' }))).toBe(looks + verifiedPng);
    expect(await countOf(masking({ verify: true, format: 'jpeg' }))).toBe(looks + verifiedJpeg);
  });

  const hole = shared('images/odd', 'hole-alpha-1.png');
  it.skipIf(!existsSync(hole))('has a face masked that is erased to alpha 1 of 255, in every format', async () => {
    const image = readFileSync(hole);
    const { faces } = await detectFaces(
      { image: readFileSync(shared('images/odd', 'base.png')), detect, cancel: newCancel() },
      tools,
    );
    expect(faces).toHaveLength(3);
    for (const format of ['png', 'webp', 'tiff', 'avif', 'jpeg'] as const) {
      const options = { ...mask, format, quality: 100 };
      const { output } = await maskFaces({ image, detect, mask: options, cancel: newCancel() }, tools);
      const { data, width } = await decode(output.bytes);
      for (const { box } of faces) {
        const at = 3 * (Math.round((box.top + box.bottom) / 2) * width + Math.round((box.left + box.right) / 2));
        const far = [255, 0, 255].map((value, c) => Math.abs(data[at + c]! - value));
        expect(Math.max(...far)).toBeLessThan(12);
      }
    }
  });
});

for (const kind of ['codec', 'exif', 'hostile'] as const) {
  const folder = shared(`images/${kind}`);
  describe.skipIf(!existsSync(folder))(`a file of ${kind}/ is answered or refused within 5 seconds`, () => {
    const files = existsSync(folder) ? readdirSync(folder) : [];

    it.each(files)('%s', { timeout: 5000 }, async (name) => {
      const image = readFileSync(`${folder}/${name}`);
      const detected = await orCode(detectFaces({ image, detect, cancel: newCancel() }, tools));
      const masked = await orCode(
        maskFaces({ image, detect: null, mask: { ...mask, format: 'jpeg' }, cancel: newCancel() }, tools),
      );
      const isMasked = typeof masked === 'object';
      if (kind === 'exif') expect(isMasked).toBe(true);
      if (isMasked) {
        const { width, height } = masked.image;
        expect(await sharp(masked.output.bytes).metadata()).toMatchObject({ format: 'jpeg', width, height });
        expect(typeof detected).toBe('object');
      }
      if (typeof detected === 'object') {
        const { width, height } = detected.image;
        expect(width * height).toBeLessThanOrEqual(tools.maxPixels);
        if (/landscape/i.test(name)) expect(width).toBeGreaterThan(height);
        if (/portrait/i.test(name)) expect(width).toBeLessThan(height);
      } else {
        expect(['unsupported_image', 'undecodable_image', 'too_many_pixels']).toContain(detected);
      }
    });
  });
}

describe.skipIf(!hasShared('images/codec', 'images/hostile'))('of the files of codec/ and hostile/', () => {
  const codeOf = async (name: string) => {
    const answer = await orCode(
      maskFaces(
        { image: readFileSync(shared('images/codec', `../${name}`)), detect: null, mask, cancel: newCancel() },
        tools,
      ),
    );
    return typeof answer === 'string' ? answer : 'masked';
  };

  it.each([
    ['codec/Channel_digital_image_CMYK_color.jpg', 'masked'],
    ['codec/Channel_digital_image_CMYK_color_no_profile.jpg', 'masked'],
    ['codec/16-bit-grey-alpha.png', 'masked'],
    ['codec/tbgn2c16.png', 'masked'],
    ['codec/frozenpond.mpo', 'masked'],
    ['codec/gain-map.jpg', 'masked'],
    ['codec/hopper.avif', 'masked'],
    ['codec/G31D_MULTI.TIF', 'unsupported_image'],
    ['codec/animated-loop-3.webp', 'masked'],
    ['codec/rotating-squares.gif', 'masked'],
    ['codec/check.svg', 'unsupported_image'],
    ['codec/hopper.heif', 'masked'],
    ['codec/relax.jp2', 'unsupported_image'],
    ['hostile/65536-uint32-limit.png', 'too_many_pixels'],
    ['hostile/giant-image.jpg', 'too_many_pixels'],
    ['hostile/truncated.jpg', 'undecodable_image'],
    ['hostile/truncated.png', 'undecodable_image'],
    ['hostile/corrupt-header.jpg', 'undecodable_image'],
    ['hostile/decompression_bomb.ico', 'unsupported_image'],
    ['hostile/hopper_bad_exif.jpg', 'masked'],
    ['hostile/icc_profile_big.jpg', 'masked'],
  ])('%s is %s', async (name, outcome) => {
    expect(await codeOf(name)).toBe(outcome);
  });
});

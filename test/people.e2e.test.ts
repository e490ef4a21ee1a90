import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectionSchema } from '../src/inference/schemas.ts';
import {
  crowd,
  cutByBorder,
  emptyScene,
  fillingTheFrame,
  portrait,
  render,
  type Scene,
  type Side,
  tinyFaces,
} from './fixtures/portraits.ts';
import { asBox, decode, differenceInside, foundOf, grow } from './support/picture.ts';
import { send, type Service, startService } from './support/service.ts';
import { shared } from './support/shared.ts';

const SIDES: readonly Side[] = ['left', 'top', 'right', 'bottom'];
const SEEDS = [1, 2, 3, 4, 5, 6];
const DET_500M = shared('models', 'det_500m.onnx');
const PHOTOS = shared('photos');

async function detect({ url }: Service, image: Uint8Array, options: Record<string, unknown> = {}) {
  const response = await send(url, 'detect', image, { options });
  const body = detectionSchema.parse(await response.json());
  expect(body.faces).toHaveLength(body.face_count);
  return body;
}

/** Drawn faces, how many of them were found, and how many findings are none of them. */
async function score(service: Service, scene: Scene, options: Record<string, unknown> = {}) {
  const { faces, image } = await detect(service, await render(scene), options);
  for (const { box } of faces) {
    expect(box.left).toBeGreaterThanOrEqual(0);
    expect(box.top).toBeGreaterThanOrEqual(0);
    expect(box.right).toBeLessThanOrEqual(image.width);
    expect(box.bottom).toBeLessThanOrEqual(image.height);
  }
  const found = foundOf(scene.faces, faces);
  return { drawn: scene.faces.length, found, others: faces.length - found };
}

async function maskedShare(service: Service, scene: Scene): Promise<number> {
  const image = await render(scene);
  const response = await send(service.url, 'mask', image, { options: { method: 'solid', color: '#ff00ff' } });
  const [before, after] = [await decode(image), await decode(Buffer.from(await response.arrayBuffer()))];
  const hidden = scene.faces.filter(({ box }) => differenceInside(before, after, grow(asBox(box), -0.25)) > 60);
  return hidden.length / scene.faces.length;
}

/** Photographs are never committed; where they lie beside the repository, their names state what a person counts. */
function onPhotographs(service: () => Service): void {
  describe.skipIf(!existsSync(PHOTOS))('on photographs', () => {
    const files = existsSync(PHOTOS) ? readdirSync(PHOTOS).filter((file) => /\dfaces?\./.test(file)) : [];

    it.each(files)('%s has as many faces as its name states', async (file) => {
      const { face_count } = await detect(service(), readFileSync(`${PHOTOS}/${file}`));

      expect(face_count).toBe(Number(/\.(\d+)faces?\./.exec(file)?.[1]));
    });
  });
}

describe('the embedded detector', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.close());

  it.each(SEEDS)('finds one person (%i)', async (seed) => {
    expect(await score(service, portrait({ seed, faceHeight: 150, width: 400, height: 480 }))).toEqual({
      drawn: 1,
      found: 1,
      others: 0,
    });
  });

  it.each([16, 20, 24, 32, 48, 64, 96, 140, 200, 280, 360, 440, 512, 560, 600])(
    'finds everyone of %i pixels, and nothing else',
    async (faceHeight) => {
      for (const seed of SEEDS) {
        const scene = portrait({ seed, faceHeight, width: 640, height: 640 });

        expect(await score(service, scene)).toEqual({ drawn: 1, found: 1, others: 0 });
      }
    },
  );

  it('finds faces that fill the frame', async () => {
    for (const seed of SEEDS) {
      expect(await score(service, fillingTheFrame({ seed }))).toEqual({ drawn: 1, found: 1, others: 0 });
    }
  });

  it.each(SIDES)('finds people cut by the %s border', async (side) => {
    for (const seed of SEEDS) {
      expect(await score(service, cutByBorder(side, { seed }))).toEqual({ drawn: 1, found: 1, others: 0 });
    }
  });

  it('finds a crowd, and masks it', async () => {
    const people = crowd(12, { width: 960, height: 640, seed: 2 });

    expect(await score(service, people)).toEqual({ drawn: 12, found: 12, others: 0 });
    expect(await maskedShare(service, people)).toBe(1);
  });

  it('finds tiny faces', async () => {
    expect(await score(service, tinyFaces())).toEqual({ drawn: 60, found: 60, others: 0 });
  });

  it('finds nobody where nobody is', async () => {
    for (const seed of SEEDS) {
      expect((await detect(service, await render(emptyScene({ seed })))).faces).toEqual([]);
    }
  });

  it('finds smaller faces with a larger input_size', async () => {
    const scene = tinyFaces({ faceHeight: 14, width: 640, height: 480 });
    const { found: few } = await score(service, scene, { input_size: 320, recall: 'fast' });
    const { found: many } = await score(service, scene, { input_size: 1280, recall: 'fast' });

    expect(many).toBeGreaterThan(few + 10);
  });

  onPhotographs(() => service);
});

describe.skipIf(!existsSync(DET_500M))('SCRFD-500M', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService({ FACE_API_MODEL: DET_500M });
  });
  afterAll(() => service.close());

  it.each(SEEDS)('finds one person (%i)', async (seed) => {
    expect(await score(service, portrait({ seed }))).toEqual({ drawn: 1, found: 1, others: 0 });
  });

  it.each([3, 8, 20])('finds a crowd of %i, and masks all', async (count) => {
    const people = crowd(count);

    expect(await score(service, people)).toEqual({ drawn: count, found: count, others: 0 });
    expect(await maskedShare(service, people)).toBe(1);
  });

  it.each(SIDES)('finds a person cut by the %s border, and masks the rest of the face', async (side) => {
    const scene = cutByBorder(side);

    expect(await score(service, scene, { threshold: 0.3 })).toMatchObject({ drawn: 1, found: 1 });
  });

  it('finds a face that fills the frame', async () => {
    expect(await score(service, fillingTheFrame())).toMatchObject({ found: 1 });
  });

  it('finds tiny faces with a large input_size', async () => {
    const { found, drawn } = await score(service, tinyFaces(), { input_size: 1280 });

    expect(found / drawn).toBeGreaterThan(0.9);
  });

  it('finds nobody where nobody is', async () => {
    for (const seed of SEEDS) {
      expect((await detect(service, await render(emptyScene({ seed })))).faces).toEqual([]);
    }
  });

  onPhotographs(() => service);
});

import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_DETECT, DEFAULT_MASK } from '../../../test/fixtures/default-settings.ts';
import {
  crowd,
  cutByBorder,
  drawScene,
  encode,
  fillingTheFrame,
  PLAIN_LOOK,
  type Person,
  portrait,
  type Scene,
  type Side,
} from '../../../test/fixtures/portraits.ts';
import { foundOf } from '../../../test/support/picture.ts';
import { planLooks, type RecallLevel } from '../../vision/looks.ts';
import { Detector } from './detector.ts';
import { detectFaces, maskFaces } from './pipeline.ts';

let detector: Detector;
beforeAll(async () => {
  detector = await Detector.load(fileURLToPath(new URL('../../../models/embedded.onnx', import.meta.url)), 1);
});

const MEGAPIXELS_24 = { width: 6000, height: 4000 };

async function detect(image: Uint8Array, recall: RecallLevel) {
  const tools = { detector, verifier: detector, maxPixels: 50_000_000, maxFrames: 1 };
  const cancel = new Int32Array(new SharedArrayBuffer(4));
  return detectFaces({ image, detect: { ...DEFAULT_DETECT, recall }, cancel }, tools);
}

const toJpeg = (scene: Scene) => encode(scene, 'jpeg', { quality: 92 });

/** How many of the drawn faces are found, and how many findings are none of them. */
async function score(scene: Scene, recall: RecallLevel, image?: Uint8Array) {
  const { faces } = await detect(image ?? (await toJpeg(scene)), recall);
  const found = foundOf(scene.faces, faces);
  return { drawn: scene.faces.length, found, others: faces.length - found };
}

const person = (x: number, y: number, height: number, roll = 0): Person => ({
  center: [x, y],
  height,
  look: PLAIN_LOOK,
  roll,
});

const inLargePhoto = (people: readonly Person[]) =>
  drawScene({ ...MEGAPIXELS_24, seed: 5, background: 'gradient', people });

describe('with recall high', () => {
  it('a face that fills the frame is found', async () => {
    expect(await score(fillingTheFrame({ seed: 2 }), 'high')).toEqual({ drawn: 1, found: 1, others: 0 });
  });

  it.each(['left', 'top', 'right', 'bottom'] as Side[])('a face that the %s border cuts is found', async (side) => {
    expect(await score(cutByBorder(side, { seed: 3 }), 'high')).toEqual({ drawn: 1, found: 1, others: 0 });
  });

  it('ten faces of 12 pixels are found in 24 megapixels, and with fast none of them', async () => {
    const scene = inLargePhoto(
      Array.from({ length: 10 }, (_, index) => person(2000 + 60 * (index % 5), 1500 + 90 * Math.floor(index / 5), 12)),
    );
    const image = await toJpeg(scene);
    expect(await score(scene, 'high', image)).toEqual({ drawn: 10, found: 10, others: 0 });
    expect(await score(scene, 'fast', image)).toEqual({ drawn: 10, found: 0, others: 0 });
  }, 180_000);

  it('faces on the seams of tiles are found once each', async () => {
    const { looks, ifCrowded } = planLooks(MEGAPIXELS_24, { ...DEFAULT_DETECT, recall: 'high', fixedCanvas: null });
    const seams = [...looks, ...ifCrowded].map(({ tile }) => tile.right).filter((x) => x < 6000);
    const scene = inLargePhoto([...new Set(seams)].map((x, index) => person(x, 300 + 400 * index, 20 + 15 * index)));
    expect(scene.faces.length).toBeGreaterThan(5);
    expect(await score(scene, 'high')).toEqual({ drawn: scene.faces.length, found: scene.faces.length, others: 0 });
  }, 180_000);

  it.each([
    [90, { width: 640, height: 480 }],
    [180, { width: 1280, height: 720 }],
    [270, { width: 640, height: 480 }],
  ])('a crowd is found in a photo that lies turned by %i degrees, and fast loses it', async (turn, size) => {
    const scene = crowd(12, { ...size, seed: 4 });
    const image = await sharp(await toJpeg(scene))
      .rotate(turn)
      .png()
      .toBuffer();
    const { faces, search } = await detect(image, 'high');
    expect(faces).toHaveLength(12);
    expect(search!.looks).toContainEqual({ longSide: 640, turn: 360 - turn, runs: 1 });
    expect((await detect(image, 'fast')).faces.length).toBeLessThan(faces.length);
  });

  it('an upright photo is looked at in no other turn but by the small look', async () => {
    const { search } = await detect(await toJpeg(portrait({ width: 1600, height: 1200, seed: 6 })), 'high');
    expect(search).toEqual({
      smallestFace: (8 * 1600) / 1920,
      looks: [
        { longSide: 640, turn: 0, runs: 1 },
        ...[0, 90, 180, 270].map((turn) => ({ longSide: 256, turn, runs: 1 })),
        { longSide: 1280, turn: 0, runs: 2 },
        { longSide: 1920, turn: 0, runs: 6 },
      ],
      skippedLooks: [],
    });
  });
});

describe('without time for more than one look', () => {
  const late = { ...DEFAULT_DETECT, recall: 'high', deadline: 0 } as const;
  const newTask = (image: Uint8Array) => ({ image, detect: late, cancel: new Int32Array(new SharedArrayBuffer(4)) });
  const withDetector = { maxPixels: 50_000_000, maxFrames: 10 };

  it('the usual one is taken, the others are stated as skipped, and the smallest face is what it can see', async () => {
    const image = await toJpeg(portrait({ width: 1600, height: 1200, seed: 6 }));
    const { faces, search } = await detectFaces(newTask(image), { ...withDetector, detector, verifier: detector });
    expect(faces).toHaveLength(1);
    expect(search).toEqual({
      smallestFace: (8 * 1600) / 640,
      looks: [{ longSide: 640, turn: 0, runs: 1 }],
      skippedLooks: [
        ...[0, 90, 180, 270].map((turn) => ({ longSide: 256, turn, runs: 1 })),
        { longSide: 1280, turn: 0, runs: 2 },
        { longSide: 1920, turn: 0, runs: 6 },
      ],
    });
  });

  it('every frame of an animation is searched, in every view of what it leaves transparent', async () => {
    const frames = await Promise.all([1, 2].map((seed) => encode(portrait({ seed, width: 200, height: 260 }), 'png')));
    const image = await sharp(frames, { join: { animated: true } })
      .ensureAlpha(0.5)
      .webp({ lossless: true })
      .toBuffer();
    const mask = { ...DEFAULT_MASK, format: 'webp' as const };
    const answer = await maskFaces({ ...newTask(image), mask }, { ...withDetector, detector, verifier: detector });
    expect(answer.search!.looks).toEqual([{ longSide: 640, turn: 0, runs: 2 }]);
    expect(new Set(answer.faces.map(({ frame }) => frame))).toEqual(new Set([0, 1]));
  });
});

describe('with recall max', () => {
  it('a face upside down, one on its side and one upright are found in one photo, with their landmarks', async () => {
    const people = [person(300, 300, 160), person(800, 300, 160, 90), person(1300, 300, 160, 180)];
    const scene = drawScene({ width: 1600, height: 600, seed: 7, background: 'gradient', people });
    expect(await score(scene, 'max')).toEqual({ drawn: 3, found: 3, others: 0 });
    const { faces } = await detect(await toJpeg(scene), 'max');
    for (const drawn of scene.faces) {
      const [x, y] = drawn.landmarks[0];
      const distances = faces.map(({ landmarks }) => Math.hypot(landmarks![0].x - x, landmarks![0].y - y));
      expect(Math.min(...distances)).toBeLessThan(20);
    }
  });
});

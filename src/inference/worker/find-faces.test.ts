import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_DETECT, DEFAULT_MASK } from '../../../test/fixtures/default-settings.ts';
import { crowd, encode, portrait, type Scene } from '../../../test/fixtures/portraits.ts';
import { foundOf } from '../../../test/support/picture.ts';
import { shared } from '../../../test/support/shared.ts';
import type { RecallLevel } from '../../vision/looks.ts';
import { Detector } from './detector.ts';
import { Pace } from './look-budget.ts';
import { detectFaces, maskFaces } from './pipeline.ts';
import { processMs } from './process-clock.ts';

let detector: Detector;
beforeAll(async () => {
  detector = await loadDetector();
});

const loadDetector = () => Detector.load(fileURLToPath(new URL('../../../models/embedded.onnx', import.meta.url)), 1);

/** The real network, which finds nobody. */
function blind(): Detector {
  const infer: Detector['infer'] = async (...given) =>
    (await detector.infer(...given)).map((output) => ({ ...output, data: output.data.map(() => 0) }));
  const { kind, fixedCanvas } = detector;
  const inputFor = detector.inputFor.bind(detector);
  return { kind, fixedCanvas, pace: new Pace(), inputFor, infer } as unknown as Detector;
}

async function detect(image: Uint8Array, recall: RecallLevel, main = detector, second: Detector | null = null) {
  const tools = { detector: main, second, maxPixels: 50_000_000, maxFrames: 1 };
  const cancel = new Int32Array(new SharedArrayBuffer(4));
  return detectFaces({ image, detect: { ...DEFAULT_DETECT, recall }, cancel }, tools);
}

const toJpeg = (scene: Scene) => encode(scene, 'jpeg', { quality: 92 });

describe('with recall high', () => {
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
    expect(search!.looks).toContainEqual({ detector: 'main', longSide: 640, turn: 360 - turn, runs: 1 });
    expect((await detect(image, 'fast')).faces.length).toBeLessThan(faces.length);
  });

  it('an upright photo is looked at in no other turn but by the small look', async () => {
    const { search } = await detect(await toJpeg(portrait({ width: 1600, height: 1200, seed: 6 })), 'high');
    expect(search).toEqual({
      smallestFace: (8 * 1600) / 1920,
      looks: [
        { detector: 'main', longSide: 640, turn: 0, runs: 1 },
        ...[0, 90, 180, 270].map((turn) => ({ detector: 'main', longSide: 256, turn, runs: 1 })),
        { detector: 'main', longSide: 1280, turn: 0, runs: 2 },
        { detector: 'main', longSide: 1920, turn: 0, runs: 6 },
      ],
      skippedLooks: [],
    });
  });
});

describe('without time for more than one look', () => {
  const late = { ...DEFAULT_DETECT, recall: 'high', deadline: 0 } as const;
  const newTask = (image: Uint8Array) => ({ image, detect: late, cancel: new Int32Array(new SharedArrayBuffer(4)) });
  const bounds = { second: null, maxPixels: 50_000_000, maxFrames: 10 };

  it('the usual one is taken, the others are stated as skipped, and the smallest face is what it can see', async () => {
    const image = await toJpeg(portrait({ width: 1600, height: 1200, seed: 6 }));
    const { faces, search } = await detectFaces(newTask(image), { ...bounds, detector });
    expect(faces).toHaveLength(1);
    expect(search).toEqual({
      smallestFace: (8 * 1600) / 640,
      looks: [{ detector: 'main', longSide: 640, turn: 0, runs: 1 }],
      skippedLooks: [
        ...[0, 90, 180, 270].map((turn) => ({ detector: 'main', longSide: 256, turn, runs: 1 })),
        { detector: 'main', longSide: 1280, turn: 0, runs: 2 },
        { detector: 'main', longSide: 1920, turn: 0, runs: 6 },
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
    const answer = await maskFaces({ ...newTask(image), mask }, { ...bounds, detector });
    expect(answer.search!.looks).toEqual([{ detector: 'main', longSide: 640, turn: 0, runs: 2 }]);
    expect(new Set(answer.faces.map(({ frame }) => frame))).toEqual(new Set([0, 1]));
  });

  it('the second detector takes none, and its looks are stated as skipped', async () => {
    const image = await toJpeg(portrait({ width: 400, height: 300, faceHeight: 100, seed: 6 }));
    const task = { ...newTask(image), detect: { ...late, recall: 'max' as const } };
    const { faces, search } = await detectFaces(task, { ...bounds, detector, second: await loadDetector() });
    expect(faces).toHaveLength(1);
    const usual = { longSide: 640, turn: 0, runs: 1 };
    expect(search!.looks).toEqual([{ detector: 'main', ...usual }]);
    const skippedBy = (role: string) =>
      search!.skippedLooks.filter((look) => look.detector === role).map(({ longSide, turn }) => [longSide, turn]);
    expect(skippedBy('second')).toEqual([[640, 0], ...skippedBy('main')]);
    expect(search!.smallestFace).toBe((8 * 400) / 640);
  });
});

describe('a second detector', () => {
  it('finds at recall max what the first misses, and takes no part at the levels below', async () => {
    const scene = portrait({ width: 400, height: 300, faceHeight: 100, seed: 6 });
    const image = await toJpeg(scene);
    const { faces, search } = await detect(image, 'max', blind(), detector);
    expect(foundOf(scene.faces, faces)).toBe(1);
    const count = (role: string) => search!.looks.filter((look) => look.detector === role).length;
    expect(count('second')).toBe(count('main'));
    const below = await detect(image, 'high', blind(), detector);
    expect(below.faces).toEqual([]);
    expect(below.search!.looks.filter((look) => look.detector === 'second')).toEqual([]);
  });

  it('takes all its looks if there is time, though how long its looks take is not known yet', async () => {
    const image = await toJpeg(portrait({ width: 400, height: 300, faceHeight: 100, seed: 6 }));
    for (const deadline of [processMs() + 600_000, Infinity]) {
      const tools = { detector, second: await loadDetector(), maxPixels: 50_000_000, maxFrames: 1 };
      const settings = { ...DEFAULT_DETECT, recall: 'max', deadline } as const;
      const cancel = new Int32Array(new SharedArrayBuffer(4));
      const { search } = await detectFaces({ image, detect: settings, cancel }, tools);
      expect(search!.skippedLooks).toEqual([]);
      const lookedBy = (role: string) => search!.looks.filter((look) => look.detector === role);
      expect(lookedBy('second')).toEqual(lookedBy('main').map((look) => ({ ...look, detector: 'second' })));
    }
  });

  it('takes nothing from what the first finds', async () => {
    const scene = crowd(6, { width: 640, height: 480, seed: 4 });
    const image = await toJpeg(scene);
    const { faces: alone } = await detect(image, 'max');
    const { faces: together } = await detect(image, 'max', detector, blind());
    expect(together).toEqual(alone);
  });
});

const YUNET = shared('models', 'yunet_n_dynamic.onnx');

describe.skipIf(!existsSync(YUNET))('YuNet', () => {
  it('finds a drawn crowd, with the landmarks at their places', async () => {
    const scene = crowd(6, { width: 800, height: 600, seed: 3 });
    const { faces } = await detect(await toJpeg(scene), 'fast', await Detector.load(YUNET, 1));
    expect(faces).toHaveLength(6);
    expect(foundOf(scene.faces, faces)).toBe(6);
    for (const { box, landmarks } of scene.faces) {
      const off = faces.map((face) =>
        Math.max(...landmarks.map(([x, y], at) => Math.hypot(face.landmarks![at]!.x - x, face.landmarks![at]!.y - y))),
      );
      expect(Math.min(...off)).toBeLessThan(0.2 * (box[3] - box[1]));
    }
  });
});

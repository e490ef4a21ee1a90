import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_DETECT } from '../../../test/fixtures/default-settings.ts';
import { crowd, encode, portrait, type Scene } from '../../../test/fixtures/portraits.ts';
import { foundOf } from '../../../test/support/picture.ts';
import { shared } from '../../../test/support/shared.ts';
import type { RecallLevel } from '../../vision/looks.ts';
import { Detector } from './detector.ts';
import { detectFaces } from './pipeline.ts';

let detector: Detector;
beforeAll(async () => {
  detector = await Detector.load(fileURLToPath(new URL('../../../models/embedded.onnx', import.meta.url)), 1);
});

/** The real network, which finds nobody. */
function blind(): Detector {
  const infer: Detector['infer'] = async (...given) =>
    (await detector.infer(...given)).map((output) => ({ ...output, data: output.data.map(() => 0) }));
  const { kind, fixedCanvas } = detector;
  return { kind, fixedCanvas, inputFor: detector.inputFor.bind(detector), infer } as unknown as Detector;
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
        { detector: 'main', longSide: 1920, turn: 0, runs: 6 },
        { detector: 'main', longSide: 1280, turn: 0, runs: 2 },
        { detector: 'main', longSide: 640, turn: 0, runs: 1 },
        { detector: 'main', longSide: 256, turn: 0, runs: 1 },
        ...[90, 180, 270].map((turn) => ({ detector: 'main', longSide: 256, turn, runs: 1 })),
      ],
    });
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

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';

import { readConfiguration } from '../../src/config/configuration.ts';
import { toDetectSettings } from '../../src/inference/detection-body.ts';
import { Detector } from '../../src/inference/worker/detector.ts';
import { detectFaces } from '../../src/inference/worker/pipeline.ts';
import { canvasFor, sizeAt } from '../../src/vision/letterbox.ts';
import { suppressOverlaps } from '../../src/vision/nms.ts';
import { type Candidate, decodeCandidates } from '../../src/vision/scrfd.ts';
import { toTensor } from '../../src/vision/tensor.ts';
import { crowd, cutByBorder, emptyScene, fillingTheFrame, portrait, render, tinyFaces } from '../fixtures/portraits.ts';
import { referenceCandidates, type ReferenceFace, referenceFaces } from './scrfd-reference.ts';
import { shared } from '../support/shared.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const sharedModel = (name: string) => shared('models', `${name}.onnx`);
/** Photographs whose names say how many faces they show. */
const photosIn = (folder: string) =>
  existsSync(folder) ? readdirSync(folder).filter((name) => /\.\d+faces?\.\w+$/.test(name)) : [];
const photosFolder = shared('photos');
const turnedFolder = shared('images/exif');
const photos = photosIn(photosFolder);
const turnedPhotos = photosIn(turnedFolder);

const drawings = {
  'a portrait': portrait({ seed: 3 }),
  'a crowd': crowd(12, { seed: 4 }),
  'tiny faces': tinyFaces({ seed: 5 }),
  'a face filling the frame': fillingTheFrame({ seed: 6 }),
  'a face cut by the border': cutByBorder('left', { seed: 7 }),
  nobody: emptyScene({ seed: 8 }),
};

const images: [string, () => Promise<Buffer>][] = [
  ...Object.entries(drawings).map(([name, scene]): [string, () => Promise<Buffer>] => {
    let rendered: Promise<Buffer> | undefined;
    return [name, () => (rendered ??= render(scene))];
  }),
  ...photos.map((name): [string, () => Promise<Buffer>] => [
    name,
    () => Promise.resolve(readFileSync(`${photosFolder}/${name}`)),
  ]),
];

/** Every model that the service has to read, and how many anchors its cells have. */
const models = [
  { path: `${root}models/embedded.onnx`, anchorsPerCell: 1 },
  ...['det_500m', 'det_2.5g', 'scrfd_500m_kps_fixed640', 'scrfd_500m_kps_batched', 'scrfd_500m_nokps_batched'].map(
    (name) => ({ path: sharedModel(name), anchorsPerCell: 2 }),
  ),
];

/** The same scores in the same order, and no coordinate more than a pixel off. */
function expectSame(found: readonly Candidate[], reference: readonly ReferenceFace[]): void {
  expect(found.map(({ score }) => score)).toEqual(reference.map(({ score }) => score));
  expect(found.map(({ landmarks }) => landmarks === null)).toEqual(
    reference.map(({ landmarks }) => landmarks === null),
  );
  const distances = found.flatMap(({ box, landmarks }, index) => {
    const expected = reference[index]!;
    const ours = [box.left, box.top, box.right, box.bottom, ...(landmarks ?? []).flatMap(({ x, y }) => [x, y])];
    const theirs = [...expected.box, ...(expected.landmarks ?? []).flat()];
    return ours.map((value, at) => Math.abs(value - theirs[at]!));
  });
  expect(distances.every((distance) => distance <= 1)).toBe(true);
}

for (const { path, anchorsPerCell } of models) {
  const name = path.split('/').at(-1)!;

  describe.skipIf(!existsSync(path))(`the reference and the service see the same with ${name}`, () => {
    let detector: Detector;

    beforeAll(async () => {
      detector = await Detector.load(path, 1);
    });

    async function outputsFor(image: Buffer) {
      const upright = sharp(image).autoOrient().removeAlpha().toColorspace('srgb');
      const { width, height } = (await upright.metadata()).autoOrient;
      const content = sizeAt({ width, height }, 640);
      const canvas = detector.fixedCanvas ?? canvasFor(content);
      const pixels = await upright.resize(content.width, content.height, { fit: 'fill' }).raw().toBuffer();
      return { canvas, outputs: await detector.infer(toTensor(pixels, content, canvas), canvas) };
    }

    it.each(images)('in %s', async (_, read) => {
      const { canvas, outputs } = await outputsFor(await read());
      const input = { outputs, ...canvas, anchorsPerCell };
      const faces = suppressOverlaps(decodeCandidates(outputs, canvas, 0.5), 0.4);
      expectSame(faces, referenceFaces({ ...input, threshold: 0.5, nmsThreshold: 0.4 }));
      // And of a low threshold the candidates: many, on which any slip in the arithmetic would show. Overlaps are not
      // compared there: the published code counts pixels at both ends, which on the smallest boxes decides otherwise.
      const candidates = decodeCandidates(outputs, canvas, 0.02);
      expectSame(candidates, referenceCandidates({ ...input, threshold: 0.02 }));
      expect(candidates.length).toBeGreaterThan(0);
    });

    it('and both find the one person who is drawn, at the right place', async () => {
      const scene = drawings['a portrait'];
      const { canvas, outputs } = await outputsFor(await render(scene));
      const faces = referenceFaces({ outputs, ...canvas, anchorsPerCell, threshold: 0.5, nmsThreshold: 0.4 });
      const scale = 640 / Math.max(scene.width, scene.height);
      expect(faces).toHaveLength(1);
      scene.faces[0]!.box.forEach((edge, side) => {
        expect(Math.abs(faces[0]!.box[side]! - edge * scale)).toBeLessThan(0.2 * scene.height * scale);
      });
    });
  });
}

describe.each(['det_500m', 'det_2.5g'])('with %s and no option set, the service counts', (name) => {
  const path = sharedModel(name);
  const settings = toDetectSettings({}, readConfiguration({}).detection);

  describe.skipIf(!existsSync(path))('the faces', () => {
    let detector: Detector;

    beforeAll(async () => {
      detector = await Detector.load(path, 1);
    });

    it.each([
      ...photos.map((photo) => [photo, photosFolder] as const),
      ...turnedPhotos.map((photo) => [photo, turnedFolder] as const),
    ])('in %s', async (photo, folder) => {
      const image = readFileSync(`${folder}/${photo}`);
      const cancel = new Int32Array(new SharedArrayBuffer(4));
      const tools = { detector, second: null, maxPixels: 50_000_000, maxFrames: 1 };
      const { faces } = await detectFaces({ image, detect: settings, cancel }, tools);
      expect(faces).toHaveLength(Number(/\.(\d+)face/.exec(photo)![1]));
    });
  });
});

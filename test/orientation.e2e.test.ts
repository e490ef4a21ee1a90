import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectionSchema } from '../src/inference/schemas.ts';
import { type Orientation, portrait, withOrientation } from './fixtures/portraits.ts';
import { asBox, type Box, decode, differenceInside, differenceOutside, grow, overlap } from './support/picture.ts';
import { send, type Service, startService } from './support/service.ts';
import { hasShared, shared } from './support/shared.ts';

const ORIENTATIONS: readonly Orientation[] = [1, 2, 3, 4, 5, 6, 7, 8];
const DET_500M = shared('models', 'det_500m.onnx');

/** The face sits off the middle, so that no turning or mirroring leaves it where it was. */
const scene = portrait({ faceHeight: 130, width: 420, height: 520, roll: 8 });

const drawn = asBox(scene.faces[0]!.box);

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

async function facesIn(image: Uint8Array, url = service.url) {
  const response = await send(url, 'detect', image);
  expect(response.status).toBe(200);
  return detectionSchema.parse(await response.json());
}

async function masked(image: Uint8Array, url = service.url) {
  const response = await send(url, 'mask', image, { options: { format: 'png', method: 'solid', color: '#ff00ff' } });
  expect(response.status).toBe(200);
  return decode(Buffer.from(await response.arrayBuffer()));
}

function mirrored({ left, top, right, bottom }: Box, width: number): Box {
  return { left: width - right, top, right: width - left, bottom };
}

describe.each(['jpeg', 'webp'] as const)('a drawn person as %s', (format) => {
  it.each(ORIENTATIONS)('with EXIF orientation %i has the same face, upright', async (orientation) => {
    const { faces, face_count, image } = await facesIn(await withOrientation(scene, orientation, format));

    expect(image).toEqual({ width: scene.width, height: scene.height, format, frames: 1 });
    expect(face_count).toBe(1);
    expect(overlap(faces[0]!.box, drawn)).toBeGreaterThan(0.6);
    const { left_eye: leftEye, right_eye: rightEye, mouth_left: mouth } = faces[0]!.landmarks!;
    expect(leftEye.x).toBeLessThan(rightEye.x);
    expect(mouth.y).toBeGreaterThan(leftEye.y);
  });

  it.each(ORIENTATIONS)('with EXIF orientation %i is masked where the face is', async (orientation) => {
    const source = await withOrientation(scene, orientation, format);
    const before = await decode(source);
    const after = await masked(source);

    expect(after).toMatchObject({ width: scene.width, height: scene.height });
    expect(differenceInside(before, after, grow(drawn, -0.2))).toBeGreaterThan(60);
    expect(differenceOutside(before, after, [grow(drawn, 0.6)])).toBeLessThan(2);
  });
});

describe.skipIf(!hasShared('images/exif') || !existsSync(DET_500M))('a photograph of a person', () => {
  let photos: Service;

  beforeAll(async () => {
    photos = await startService({ FACE_API_MODEL: DET_500M });
  });
  afterAll(() => photos.close());

  it.each(['jpg', 'webp'])(
    'in seven orientations (%s) has the same face, and the mask lies on it',
    async (extension) => {
      const boxes: Box[] = [];
      for (const orientation of ORIENTATIONS.slice(1)) {
        const bytes = readFileSync(shared('images/exif', `hopper_orientation_${orientation}.1face.${extension}`));
        const { faces, face_count, image } = await facesIn(bytes, photos.url);
        expect({ orientation, face_count }).toEqual({ orientation, face_count: 1 });
        const { box } = faces[0]!;
        const [before, after] = [await decode(bytes), await masked(bytes, photos.url)];
        expect(before).toMatchObject({ width: image.width, height: image.height });
        expect(differenceInside(before, after, grow(box, -0.2))).toBeGreaterThan(60);
        // Masks grow by up to 39 pixels at 4:2:0, so that little of so small a photograph stays: but not nothing.
        const { width, height } = image;
        const corners = [0, width - 1].flatMap((x) => [0, height - 1].map((y) => 3 * (y * width + x)));
        expect(corners.some((at) => [0, 1, 2].every((c) => before.data[at + c] === after.data[at + c]))).toBe(true);
        boxes.push(box);
      }

      for (const box of boxes.slice(1)) {
        expect(overlap(box, boxes[0]!)).toBeGreaterThan(0.85);
        expect(overlap(mirrored(box, 128), boxes[0]!)).toBeLessThan(0.999);
      }
    },
  );
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectionSchema } from '../src/inference/schemas.ts';
import { planLooks, type RecallLevel } from '../src/vision/looks.ts';
import { DEFAULT_DETECT } from './fixtures/default-settings.ts';
import {
  cutByBorder,
  type DrawnFace,
  drawScene,
  fillingTheFrame,
  largePhoto,
  type Person,
  PLAIN_LOOK,
  render,
  type Side,
} from './fixtures/portraits.ts';
import { asBox, decode, foundOf, grow, shareChanged } from './support/picture.ts';
import { send, type Service, startService } from './support/service.ts';

const MEGAPIXELS_24 = { width: 6000, height: 4000 };
const SLOW_MS = 300_000;
const PNG = 'image/png';

let service: Service;
beforeAll(async () => {
  service = await startService({ FACE_API_REQUEST_TIMEOUT_MS: '240000' });
});
afterAll(() => service.close());

const person = (x: number, y: number, height: number, roll = 0): Person => ({
  center: [x, y],
  height,
  look: PLAIN_LOOK,
  roll,
});

const inLargePhoto = (people: readonly Person[]) => largePhoto({ ...MEGAPIXELS_24, seed: 5, people });

async function detect(image: Uint8Array, recall: RecallLevel) {
  const response = await send(service.url, 'detect', image, { type: PNG, options: { recall } });
  return detectionSchema.parse(await response.json());
}

/** How many of the drawn faces are found, and how many findings are none of them. */
async function score(image: Uint8Array, drawn: readonly DrawnFace[], recall: RecallLevel) {
  const { faces } = await detect(image, recall);
  const found = foundOf(drawn, faces);
  return { drawn: drawn.length, found, others: faces.length - found };
}

describe('with recall high', () => {
  it('a face that fills the frame is found', async () => {
    const scene = fillingTheFrame({ seed: 2 });
    expect(await score(await render(scene), scene.faces, 'high')).toEqual({ drawn: 1, found: 1, others: 0 });
  });

  it.each(['left', 'top', 'right', 'bottom'] as Side[])('a face that the %s border cuts is found', async (side) => {
    const scene = cutByBorder(side, { seed: 3 });
    expect(await score(await render(scene), scene.faces, 'high')).toEqual({ drawn: 1, found: 1, others: 0 });
  });

  it(
    'at least 49 of 50 faces of 12 pixels are found in 24 megapixels, and with fast none of them',
    async () => {
      const people = Array.from({ length: 50 }, (_, index) =>
        person(2000 + 60 * (index % 10), 1500 + 90 * Math.floor(index / 10), 12),
      );
      const { png, faces } = await inLargePhoto(people);
      const { found, others } = await score(png, faces, 'high');
      expect(found).toBeGreaterThanOrEqual(49);
      expect(others).toBe(0);
      expect(await score(png, faces, 'fast')).toEqual({ drawn: 50, found: 0, others: 0 });
    },
    SLOW_MS,
  );

  it(
    'faces on the seams of tiles are found once each',
    async () => {
      const plan = planLooks(MEGAPIXELS_24, { ...DEFAULT_DETECT, recall: 'high', fixedCanvas: null });
      const seams = [...plan.looks, ...plan.ifCrowded].map(({ tile }) => tile.right).filter((x) => x < 6000);
      const people = [...new Set(seams)].map((x, index) => person(x, 300 + 400 * index, 20 + 15 * index));
      const { png, faces } = await inLargePhoto(people);
      expect(faces.length).toBeGreaterThan(5);
      expect(await score(png, faces, 'high')).toEqual({ drawn: faces.length, found: faces.length, others: 0 });
    },
    SLOW_MS,
  );
});

describe('with recall max', () => {
  it(
    'a face upside down, one on its side and one upright are found in one photo, with their landmarks',
    async () => {
      const people = [person(300, 300, 160), person(800, 300, 160, 90), person(1300, 300, 160, 180)];
      const scene = drawScene({ width: 1600, height: 600, seed: 7, background: 'gradient', people });
      const { faces } = await detect(await render(scene), 'max');
      expect(foundOf(scene.faces, faces)).toBe(3);
      expect(faces).toHaveLength(3);
      for (const { landmarks } of scene.faces) {
        const [x, y] = landmarks[0];
        const distances = faces.map(({ landmarks: found }) => Math.hypot(found!.left_eye.x - x, found!.left_eye.y - y));
        expect(Math.min(...distances)).toBeLessThan(20);
      }
    },
    SLOW_MS,
  );
});

describe('masking with the default options', () => {
  it(
    'leaves at most 2 of 200 faces of 10 to 200 pixels in 24 megapixels unmasked',
    async () => {
      const [columns, rows] = [20, 10];
      // Every size as often; neighbors differ.
      const people = Array.from({ length: columns * rows }, (_, index) => {
        const height = 10 + (190 * ((index * 73) % 200)) / 199;
        return person(300 * ((index % columns) + 0.5), 400 * (Math.floor(index / columns) + 0.5), height);
      });
      const { png, faces } = await inLargePhoto(people);
      const response = await send(service.url, 'mask', png, { type: PNG });
      const [before, after] = [await decode(png), await decode(Buffer.from(await response.arrayBuffer()))];
      const isMasked = ({ box }: DrawnFace) => shareChanged(before, after, grow(asBox(box), -0.15)) >= 0.95;
      const heightsOfBare = faces.filter((face) => !isMasked(face)).map(({ box }) => box[3] - box[1]);
      expect(faces).toHaveLength(200);
      expect(heightsOfBare.length).toBeLessThanOrEqual(2);
    },
    SLOW_MS,
  );
});

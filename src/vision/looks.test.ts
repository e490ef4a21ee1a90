import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Size } from './geometry.ts';
import { countLooks, type Look, planLooks, type PlanOptions, RECALL_LEVELS, smallestFace } from './looks.ts';
import { turnedSize } from './turn.ts';

const usual = { inputSize: 640, largeFaces: true, fixedCanvas: null } as const;
const sizes = (looks: readonly Look[]) =>
  countLooks(looks).map(({ longSide, turn, runs }) => [Math.round(longSide), turn, runs]);

const MEGAPIXELS_12 = { width: 4000, height: 3000 };
const MEGAPIXELS_24 = { width: 6000, height: 4000 };

describe('the plan', () => {
  it('of fast is the whole photo at the usual size and at a quarter of it, for faces from a quarter of its long side', () => {
    const tile = { left: 0, top: 0, right: 4000, bottom: 3000 };
    expect(planLooks(MEGAPIXELS_12, { ...usual, recall: 'fast' })).toEqual({
      looks: [
        { turn: 0, tile, longSide: 640, trusted: { from: 4, to: Infinity }, votes: true },
        { turn: 0, tile, longSide: 160, trusted: { from: 40, to: Infinity }, votes: false },
      ],
      ifTurned: [],
      ifCrowded: [],
    });
  });

  it('of standard has a larger usual look, unless that enlarges the photo', () => {
    expect(sizes(planLooks(MEGAPIXELS_12, { ...usual, recall: 'standard' }).looks)).toEqual([
      [960, 0, 1],
      [160, 0, 1],
    ]);
    expect(sizes(planLooks({ width: 800, height: 600 }, { ...usual, recall: 'standard' }).looks)).toEqual([
      [640, 0, 1],
      [160, 0, 1],
    ]);
  });

  it('of high adds larger looks, other turns, and tiles of a large photo, under their conditions', () => {
    const { looks, ifTurned, ifCrowded } = planLooks(MEGAPIXELS_12, { ...usual, recall: 'high' });
    const sizesIn = (turn: number) => [
      [640, turn, 1],
      [256, turn, 1],
      [2000, turn, 6],
    ];
    expect(sizes(looks)).toEqual(sizesIn(0));
    expect(ifTurned.map(sizes)).toEqual([90, 180, 270].map(sizesIn));
    expect(sizes(ifCrowded)).toEqual([[4000, 0, 24]]);
  });

  it('of high has three sizes of a photo that the usual look shrinks little', () => {
    expect(sizes(planLooks({ width: 1024, height: 768 }, { ...usual, recall: 'high' }).looks)).toEqual([
      [640, 0, 1],
      [256, 0, 1],
      [1280, 0, 2],
      [1920, 0, 6],
    ]);
  });

  it('of high shrinks a photo to no less than half, in tiles where that is large', () => {
    expect(sizes(planLooks(MEGAPIXELS_24, { ...usual, recall: 'high' }).looks)).toEqual([
      [640, 0, 1],
      [256, 0, 1],
      [3000, 0, 12],
    ]);
  });

  it('of high enlarges a small photo to less than twice its size', () => {
    const plan = planLooks({ width: 640, height: 480 }, { ...usual, recall: 'high' });
    expect(sizes(plan.looks)).toEqual([
      [640, 0, 1],
      [256, 0, 1],
    ]);
    expect(plan.ifCrowded).toEqual([]);
  });

  it('of max has all of it, in all turns, whatever is found, smaller sizes before larger ones', () => {
    const { looks, ifTurned, ifCrowded } = planLooks(MEGAPIXELS_12, { ...usual, recall: 'max' });
    const inAllTurns = (size: number, runs: number) => [0, 90, 180, 270].map((turn) => [size, turn, runs]);
    const [usualUpright, ...usualTurned] = inAllTurns(640, 1);
    expect(sizes(looks)).toEqual([
      usualUpright,
      ...inAllTurns(256, 1),
      ...usualTurned,
      ...inAllTurns(2000, 6),
      ...inAllTurns(4000, 24),
    ]);
    expect([ifTurned, ifCrowded]).toEqual([[], []]);
  });

  it('leaves the small look away where it is not wanted, and with it the choice of a turn', () => {
    const plan = planLooks(MEGAPIXELS_12, { ...usual, largeFaces: false, recall: 'high' });
    expect(sizes(plan.looks)).toEqual([
      [640, 0, 1],
      [2000, 0, 6],
    ]);
    expect(plan.ifTurned).toEqual([]);
  });

  it('cuts larger looks into tiles for a fixed canvas, and never the usual one', () => {
    const fixedCanvas = { width: 640, height: 640 };
    expect(sizes(planLooks({ width: 1000, height: 800 }, { ...usual, fixedCanvas, recall: 'high' }).looks)).toEqual([
      [640, 0, 1],
      [256, 0, 1],
      [1280, 0, 6],
    ]);
    expect(sizes(planLooks({ width: 1000, height: 800 }, { ...usual, fixedCanvas, recall: 'standard' }).looks)).toEqual(
      [
        [640, 0, 1],
        [160, 0, 1],
      ],
    );
  });
});

describe('in every plan', () => {
  const side = fc.integer({ min: 1, max: 9000 });
  const options: fc.Arbitrary<PlanOptions> = fc.record({
    recall: fc.constantFrom(...RECALL_LEVELS),
    inputSize: fc.integer({ min: 10, max: 40 }).map((n) => 32 * n),
    largeFaces: fc.boolean(),
    fixedCanvas: fc.constantFrom(null, { width: 640, height: 640 }, { width: 640, height: 480 }),
  });
  const anyPlan = fc.record({ photo: fc.record({ width: side, height: side }), options });
  const scaleOf = (look: Look, photo: Size) => look.longSide / Math.max(photo.width, photo.height);
  const groupsOf = (photo: Size, given: PlanOptions) => {
    const { looks, ifTurned, ifCrowded } = planLooks(photo, given);
    return [looks, ...ifTurned, ifCrowded].flatMap((some) => [
      ...Map.groupBy(some, ({ longSide, turn }) => `${longSide} ${turn}`).values(),
    ]);
  };

  it('the looks of one size hold every face that they are trusted with whole in one of them, wherever it is', () => {
    fc.assert(
      fc.property(
        anyPlan,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (given, across, down) => {
          for (const looks of groupsOf(given.photo, given.options)) {
            const { turn, trusted } = looks[0]!;
            const photo = turnedSize(given.photo, turn);
            const scale = scaleOf(looks[0]!, photo);
            const size = trusted.to / scale;
            const [width, height] = [Math.min(size, photo.width), Math.min(size, photo.height)];
            const [left, top] = [across * (photo.width - width), down * (photo.height - height)];
            const held = looks.some(
              ({ tile }) =>
                tile.left <= left + 1e-6 &&
                tile.top <= top + 1e-6 &&
                tile.right >= left + width - 1e-6 &&
                tile.bottom >= top + height - 1e-6,
            );
            expect(held).toBe(true);
          }
        },
      ),
    );
  });

  it('tiles lie within the photo, in whole pixels, and fit a fixed canvas', () => {
    fc.assert(
      fc.property(anyPlan, ({ photo, options: given }) => {
        for (const look of groupsOf(photo, given).flat()) {
          const { width, height } = turnedSize(photo, look.turn);
          const { left, top, right, bottom } = look.tile;
          expect([left, top, right, bottom].every(Number.isInteger)).toBe(true);
          expect(left >= 0 && top >= 0 && right <= width && bottom <= height && left < right && top < bottom).toBe(
            true,
          );
          if (given.fixedCanvas === null) continue;
          const scale = scaleOf(look, photo);
          expect(Math.round(right * scale) - Math.round(left * scale)).toBeLessThanOrEqual(given.fixedCanvas.width);
          expect(Math.round(bottom * scale) - Math.round(top * scale)).toBeLessThanOrEqual(given.fixedCanvas.height);
        }
      }),
    );
  });

  it('some look is trusted with every size of face from the smallest up to the frame', () => {
    fc.assert(
      fc.property(anyPlan, fc.double({ min: 0, max: 1, noNaN: true }), ({ photo, options: given }, share) => {
        const { looks } = planLooks(photo, given);
        const least = smallestFace(looks, photo);
        const face = least * (Math.max(photo.width, photo.height) / least) ** share;
        const trusts = (look: Look) => {
          const size = face * scaleOf(look, photo);
          return size >= look.trusted.from && size <= look.trusted.to;
        };
        expect(looks.some(trusts)).toBe(true);
      }),
    );
  });

  it('more recall never means that the smallest face is larger', () => {
    fc.assert(
      fc.property(anyPlan, ({ photo, options: given }) => {
        const smallest = RECALL_LEVELS.map((recall) =>
          smallestFace(planLooks(photo, { ...given, recall }).looks, photo),
        );
        expect(smallest[1]).toBeLessThanOrEqual(smallest[0]!);
        expect(smallest[2]).toBeLessThanOrEqual(smallest[0]!);
        expect(smallest[3]).toBeLessThanOrEqual(smallest[2]!);
      }),
    );
  });
});

it('the smallest face is 8 network pixels in the largest look', () => {
  const { looks } = planLooks(MEGAPIXELS_24, { ...usual, recall: 'high' });
  expect(smallestFace(looks, MEGAPIXELS_24)).toBe(16);
  expect(smallestFace(looks.slice(1, 2), MEGAPIXELS_24)).toBe(1500);
});

it('the smallest face is larger where a tile of the largest look was skipped', () => {
  const { looks } = planLooks(MEGAPIXELS_24, { ...usual, recall: 'high' });
  expect(smallestFace(looks, MEGAPIXELS_24, looks.slice(-1))).toBe(75);
});

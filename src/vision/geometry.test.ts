import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBox, anySmallPhoto } from '../../test/fixtures/shapes.ts';
import { boxArea, clipBox, intersection, iou } from './geometry.ts';

const box = (left: number, top: number, right: number, bottom: number) => ({ left, top, right, bottom });

describe('area', () => {
  it('is width times height, where right and bottom lie just outside', () => {
    expect(boxArea(box(2, 3, 12, 8))).toBe(50);
  });

  it.each([
    ['inverted from left to right', box(5, 0, 2, 10)],
    ['inverted from top to bottom', box(0, 5, 10, 2)],
    ['inverted both ways', box(5, 5, 2, 2)],
    ['of no width', box(3, 0, 3, 10)],
  ])('of a box %s is 0', (_, inverted) => {
    expect(boxArea(inverted)).toBe(0);
  });
});

describe('intersection over union', () => {
  it.each([
    ['half overlapping: 50 of 150', box(0, 0, 10, 10), box(5, 0, 15, 10), 1 / 3],
    ['one inside the other: 25 of 100', box(0, 0, 10, 10), box(0, 0, 5, 5), 1 / 4],
    ['touching at an edge', box(0, 0, 10, 10), box(10, 0, 20, 10), 0],
    ['apart', box(0, 0, 10, 10), box(30, 30, 40, 40), 0],
    [
      'apart in both directions, where two negative sides would multiply to an area',
      box(0, 0, 1, 1),
      box(9, 9, 10, 10),
      0,
    ],
    ['the same', box(1, 2, 3, 4), box(1, 2, 3, 4), 1],
    ['both empty', box(1, 1, 1, 1), box(1, 1, 1, 1), 0],
  ])('%s', (_, a, b, expected) => {
    expect(iou(a, b)).toBeCloseTo(expected, 12);
  });

  it('does not depend on the order, lies between 0 and 1, and is 1 for a box and itself', () => {
    fc.assert(
      fc.property(anyBox, anyBox, (a, b) => {
        expect(iou(a, b)).toBe(iou(b, a));
        expect(iou(a, b)).toBeGreaterThanOrEqual(0);
        expect(iou(a, b)).toBeLessThanOrEqual(1);
        expect(iou(a, a)).toBe(1);
      }),
    );
  });

  it('is the share of the unit squares that whole boxes have in common', () => {
    const side = fc.integer({ min: 0, max: 12 });
    const whole = fc
      .tuple(side, side, side, side)
      .map(([x, y, width, height]) => box(x, y, x + width + 1, y + height + 1));
    const squares = ({ left, top, right, bottom }: ReturnType<typeof box>) => {
      const found = new Set<string>();
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) found.add(`${x},${y}`);
      return found;
    };
    fc.assert(
      fc.property(whole, whole, (a, b) => {
        const [inA, inB] = [squares(a), squares(b)];
        expect(boxArea(intersection(a, b))).toBe(inA.intersection(inB).size);
        expect(iou(a, b)).toBeCloseTo(inA.intersection(inB).size / inA.union(inB).size, 12);
      }),
    );
  });
});

describe('clipping', () => {
  it('cuts to the full width and height, the last row and column included', () => {
    expect(clipBox(box(-5, -6, 200, 300), { width: 100, height: 50 })).toEqual(box(0, 0, 100, 50));
  });

  it('leaves a box inside as it is', () => {
    expect(clipBox(box(1.25, 2.5, 99.75, 50), { width: 100, height: 50 })).toEqual(box(1.25, 2.5, 99.75, 50));
  });

  it.each([
    ['left', box(-20, 5, -10, 8)],
    ['above', box(5, -20, 8, -10)],
    ['right', box(120, 5, 130, 8)],
    ['below', box(5, 70, 8, 80)],
  ])('makes a box %s of the photo empty', (_, outside) => {
    expect(boxArea(clipBox(outside, { width: 100, height: 50 }))).toBe(0);
  });

  it('gives what the box and the photo have in common', () => {
    fc.assert(
      fc.property(anyBox, anySmallPhoto, (any, photo) => {
        const whole = box(0, 0, photo.width, photo.height);
        const clipped = clipBox(any, photo);
        expect(boxArea(clipped)).toBeCloseTo(boxArea(intersection(any, whole)), 9);
        expect(intersection(clipped, whole)).toEqual(clipped);
      }),
    );
  });
});

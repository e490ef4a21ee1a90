import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBox } from '../../test/fixtures/shapes.ts';
import { iou } from './geometry.ts';
import { suppressOverlaps } from './nms.ts';

const square = (left: number, score: number) => ({ score, box: { left, top: 0, right: left + 10, bottom: 10 } });

describe('suppressing overlaps', () => {
  it('keeps the better of two boxes that overlap by more than the limit, and both at the limit', () => {
    const [better, weaker] = [square(0, 0.9), square(5, 0.8)]; // IoU 1/3
    expect(suppressOverlaps([weaker, better], 0.33)).toEqual([better]);
    expect(suppressOverlaps([weaker, better], 1 / 3)).toEqual([better, weaker]);
  });

  it('lets a dropped box drop nothing: what only it overlaps stays', () => {
    const chain = [square(0, 0.9), square(4, 0.8), square(8, 0.7)]; // neighbors 6/14, ends 2/18
    expect(suppressOverlaps(chain, 0.4)).toEqual([chain[0], chain[2]]);
  });

  it('of boxes in the same place keeps one', () => {
    expect(suppressOverlaps(Array(5).fill(square(3, 0.5)), 0.4)).toHaveLength(1);
  });

  it('of nothing is nothing', () => {
    expect(suppressOverlaps([], 0.4)).toEqual([]);
  });

  describe('as laws', () => {
    const detections = fc.array(fc.record({ box: anyBox, score: fc.double({ min: 0, max: 1, noNaN: true }) }), {
      maxLength: 30,
      size: 'max',
    });
    const limit = fc.double({ min: 0, max: 1, noNaN: true });

    it('the result is part of the input, best first, and leaves the input as it was', () => {
      fc.assert(
        fc.property(detections, limit, (given, maxIou) => {
          const before = [...given];
          const kept = suppressOverlaps(given, maxIou);
          expect(given).toEqual(before);
          expect(new Set(kept).size).toBe(kept.length);
          expect(kept.every((detection) => given.includes(detection))).toBe(true);
          expect(kept.map(({ score }) => score)).toEqual(kept.map(({ score }) => score).toSorted((a, b) => b - a));
        }),
      );
    });

    it('no two kept boxes overlap by more than the limit', () => {
      fc.assert(
        fc.property(detections, limit, (given, maxIou) => {
          const kept = suppressOverlaps(given, maxIou);
          kept.forEach((a, index) => {
            for (const b of kept.slice(index + 1)) expect(iou(a.box, b.box)).toBeLessThanOrEqual(maxIou);
          });
        }),
      );
    });

    it('every dropped box overlaps a kept one that is at least as good', () => {
      fc.assert(
        fc.property(detections, limit, (given, maxIou) => {
          const kept = suppressOverlaps(given, maxIou);
          for (const dropped of given.filter((detection) => !kept.includes(detection))) {
            expect(kept.some((k) => k.score >= dropped.score && iou(k.box, dropped.box) > maxIou)).toBe(true);
          }
        }),
      );
    });

    it('a second pass changes nothing', () => {
      fc.assert(
        fc.property(detections, limit, (given, maxIou) => {
          const kept = suppressOverlaps(given, maxIou);
          expect(suppressOverlaps(kept, maxIou)).toEqual(kept);
        }),
      );
    });
  });
});

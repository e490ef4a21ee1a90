import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Box } from '../vision/geometry.ts';
import {
  averagePrecision,
  judgeDetections,
  type OperatingPoint,
  pointAtPrecision,
  pointAtThreshold,
  precisionRecallCurve,
  type ScoredBox,
  thinCurve,
  type Verdict,
} from './matching.ts';

const square = (left: number, top = 0, side = 10): Box => ({ left, top, right: left + side, bottom: top + side });
const all = (boxes: readonly Box[]) => new Set(boxes.keys());
const verdict = (score: number, isRight: boolean): Verdict => ({ score, face: isRight ? 0 : null });

describe('judging the detections of a photo', () => {
  const faces = [square(0), square(100)];

  it('gives each face to the best detection that overlaps it by half or more', () => {
    // Shifted by 3 of 10: 70 / 130 = 0.54. By 4: 60 / 140 = 0.43.
    const detections = [
      { box: square(3), score: 0.7 },
      { box: square(104), score: 0.9 },
    ];
    expect(judgeDetections(detections, faces, all(faces))).toEqual([
      { score: 0.9, face: null },
      { score: 0.7, face: 0 },
    ]);
  });

  it('takes an overlap of exactly one half', () => {
    // 10 × 5 of 10 × 10.
    const half = { left: 0, top: 0, right: 10, bottom: 5 };
    expect(judgeDetections([{ box: half, score: 1 }], faces, all(faces))).toEqual([{ score: 1, face: 0 }]);
  });

  it('counts the second detection of a face as a false alarm', () => {
    const detections = [
      { box: square(0), score: 0.6 },
      { box: square(1), score: 0.8 },
    ];
    expect(judgeDetections(detections, faces, all(faces))).toEqual([
      { score: 0.8, face: 0 },
      { score: 0.6, face: null },
    ]);
  });

  it('does not give a duplicate to another face that it overlaps less', () => {
    const close = [square(0), square(2)];
    const detections = [
      { box: square(0), score: 0.9 },
      { box: square(0.5), score: 0.8 },
    ];
    expect(judgeDetections(detections, close, all(close)).map(({ face }) => face)).toEqual([0, null]);
  });

  it('says nothing of detections on ignored faces, however many', () => {
    const detections = [0.9, 0.8].map((score) => ({ box: square(100), score }));
    expect(judgeDetections(detections, faces, new Set([0]))).toEqual([]);
  });

  it('takes boxes without area for what they are: never found', () => {
    const empty = [square(0, 0, 0)];
    expect(judgeDetections([{ box: square(0, 0, 0), score: 1 }], empty, all(empty))).toEqual([
      { score: 1, face: null },
    ]);
  });
});

describe('average precision', () => {
  it.each<[string, Verdict[], number, number]>([
    ['every face found, nothing else', [verdict(0.9, true), verdict(0.8, true)], 2, 1],
    ['only false alarms', [verdict(0.9, false), verdict(0.8, false)], 2, 0],
    ['nothing found', [], 2, 0],
    ['half of the faces found', [verdict(0.9, true)], 2, 0.5],
    // Points (recall, precision): (0, 0), (1/2, 1/2), (1, 2/3); interpolated, 2/3 throughout.
    ['a false alarm first', [verdict(0.9, false), verdict(0.8, true), verdict(0.7, true)], 2, 2 / 3],
    // (1/2, 1), (1/2, 1/2), (1, 2/3): half at 1, half at 2/3.
    ['a false alarm between', [verdict(0.9, true), verdict(0.8, false), verdict(0.7, true)], 2, 1 / 2 + 1 / 3],
    ['false alarms below all faces cost nothing', [verdict(0.9, true), verdict(0.1, false)], 1, 1],
    // Taken together: one point (1, 1/2), whichever comes first.
    ['a face and a false alarm of equal score', [verdict(0.5, true), verdict(0.5, false)], 1, 1 / 2],
    ['the same in the other order', [verdict(0.5, false), verdict(0.5, true)], 1, 1 / 2],
  ])('%s', (_, verdicts, faces, expected) => {
    expect(averagePrecision(precisionRecallCurve(verdicts, faces))).toBeCloseTo(expected, 12);
  });
});

describe('points on the curve', () => {
  const verdicts = [verdict(0.9, true), verdict(0.8, true), verdict(0.6, false), verdict(0.4, true)];
  const curve = precisionRecallCurve(verdicts, 4);

  it('gives precision and recall at a threshold', () => {
    expect(pointAtThreshold(curve, 0.5)).toEqual({
      threshold: 0.5,
      precision: 2 / 3,
      recall: 0.5,
      correct: 2,
      wrong: 1,
    });
    expect(pointAtThreshold(curve, 0.8)).toMatchObject({ precision: 1, recall: 0.5 });
  });

  it('has nothing right and nothing wrong above the best score', () => {
    expect(pointAtThreshold(curve, 0.95)).toMatchObject({ precision: 1, recall: 0, correct: 0, wrong: 0 });
  });

  it('gives the lowest threshold of a precision', () => {
    expect(pointAtPrecision(curve, 0.75)).toMatchObject({ threshold: 0.4, recall: 0.75 });
    expect(pointAtPrecision(curve, 0.95)).toMatchObject({ threshold: 0.8, recall: 0.5 });
    expect(pointAtPrecision(precisionRecallCurve([verdict(0.9, false)], 1), 0.95)).toBeNull();
  });

  it('has a recall of 0 where there are no faces', () => {
    expect(precisionRecallCurve([verdict(0.9, false)], 0)).toEqual([
      { threshold: 0.9, precision: 0, recall: 0, correct: 0, wrong: 1 },
    ]);
  });
});

describe('laws', () => {
  const box = fc
    .record({
      left: fc.integer({ min: 0, max: 30 }),
      top: fc.integer({ min: 0, max: 30 }),
      side: fc.integer({ min: 1, max: 20 }),
    })
    .map(({ left, top, side }) => square(left, top, side));
  const photo = fc.record({
    boxes: fc.array(box, { maxLength: 6 }),
    // Scores of a photo differ, since those that tie may come in either order.
    detections: fc
      .uniqueArray(fc.record({ box, score: fc.integer({ min: 1, max: 99 }).map((n) => n / 100) }), {
        maxLength: 12,
        selector: ({ score }) => score,
      })
      .map((list): ScoredBox[] => list),
    ignored: fc.array(fc.nat({ max: 5 }), { maxLength: 3 }),
  });
  const countedOf = ({ boxes, ignored }: { boxes: Box[]; ignored: number[] }) =>
    new Set([...boxes.keys()].filter((index) => !ignored.includes(index)));
  const verdicts = fc.array(
    fc.record({ score: fc.integer({ min: 1, max: 9 }).map((n) => n / 10), isRight: fc.boolean() }),
    { maxLength: 40 },
  );
  const toCurve = (list: { score: number; isRight: boolean }[], missed = 3): OperatingPoint[] =>
    precisionRecallCurve(
      list.map(({ score, isRight }) => verdict(score, isRight)),
      list.filter(({ isRight }) => isRight).length + missed,
    );

  it('finds each counted face at most once, and never an ignored one', () => {
    fc.assert(
      fc.property(photo, (given) => {
        const counted = countedOf(given);
        const found = judgeDetections(given.detections, given.boxes, counted).flatMap(({ face }) => face ?? []);
        expect(new Set(found).size).toBe(found.length);
        expect(found.every((face) => counted.has(face))).toBe(true);
      }),
    );
  });

  it('judges the detections above a threshold as if there were no others', () => {
    fc.assert(
      fc.property(photo, fc.double({ min: 0, max: 1, noNaN: true }), (given, threshold) => {
        const counted = countedOf(given);
        const above = given.detections.filter(({ score }) => score >= threshold);
        expect(judgeDetections(above, given.boxes, counted)).toEqual(
          judgeDetections(given.detections, given.boxes, counted).filter(({ score }) => score >= threshold),
        );
      }),
    );
  });

  it('is perfect on its own ground truth', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 20 }), { minLength: 1, maxLength: 8 }), (columns) => {
        const boxes = columns.map((column) => square(20 * column));
        const detections = boxes.map((each, index) => ({ box: each, score: 1 / (index + 1) }));
        const curve = precisionRecallCurve(judgeDetections(detections, boxes, all(boxes)), boxes.length);
        expect(averagePrecision(curve)).toBeCloseTo(1, 12);
      }),
    );
  });

  it('lies between 0 and 1, and does not depend on the order of the photos', () => {
    fc.assert(
      fc.property(verdicts, (list) => {
        const area = averagePrecision(toCurve(list));
        expect(area).toBeGreaterThanOrEqual(0);
        expect(area).toBeLessThanOrEqual(1);
        expect(averagePrecision(toCurve(list.toReversed()))).toBe(area);
      }),
    );
  });

  it('depends on the order of the scores alone', () => {
    fc.assert(
      fc.property(verdicts, (list) => {
        const squared = list.map(({ score, isRight }) => ({ score: score ** 2, isRight }));
        expect(averagePrecision(toCurve(squared))).toBe(averagePrecision(toCurve(list)));
      }),
    );
  });

  it('loses by a false alarm that comes first', () => {
    fc.assert(
      fc.property(verdicts, (list) => {
        const worse = averagePrecision(toCurve([...list, { score: 2, isRight: false }]));
        expect(worse).toBeLessThanOrEqual(averagePrecision(toCurve(list)));
      }),
    );
  });

  it('has recall that rises as the threshold falls', () => {
    fc.assert(
      fc.property(verdicts, (list) => {
        const curve = toCurve(list);
        for (const [index, point] of curve.entries()) {
          expect(point.recall).toBeGreaterThanOrEqual(curve[index - 1]?.recall ?? 0);
          expect(point.threshold).toBeLessThan(curve[index - 1]?.threshold ?? Infinity);
        }
      }),
    );
  });

  it('thins a curve to two points a step, and keeps both ends', () => {
    fc.assert(
      fc.property(verdicts, (list) => {
        const curve = toCurve(list);
        const thin = thinCurve(curve, 0.25);
        expect(thin.length).toBeLessThanOrEqual(10);
        expect([thin[0], thin.at(-1)]).toEqual([curve[0], curve.at(-1)]);
      }),
    );
  });
});

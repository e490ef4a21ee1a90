import { expect, it } from 'vitest';
import type { Box } from '../vision/geometry.ts';
import { measureMasks } from './mask-coverage.ts';
import type { MeasuredPhoto } from './measure.ts';

const box = (left: number, top: number, size: number): Box => ({ left, top, right: left + size, bottom: top + size });

it('grows faces by the margin, a share of the smallest face that could be found', () => {
  const measured: MeasuredPhoto = {
    photo: { path: 'a.jpg', boxes: [box(20, 20, 40)], counted: [new Set([0])] },
    image: { width: 100, height: 100, format: 'jpeg', frames: 1 },
    faces: [{ box: box(24, 24, 32), score: 0.9, landmarks: null }],
    timings: {},
    smallestFace: 8,
  };
  const covered = (margin: number) => measureMasks([measured], [0.5], { shape: 'box', padding: 0, margin })[0]!.covered;
  expect([covered(0.25), covered(0.5)]).toEqual([0, 1]);
});

it('counts faces that the masks cover, and pixels that are masked for nothing', () => {
  const boxes = [box(0, 0, 40), box(100, 0, 40), box(200, 0, 40), box(300, 0, 10), box(300, 50, 40)];
  const measured: MeasuredPhoto = {
    photo: { path: 'a.jpg', boxes, counted: [new Set([0, 1, 2, 3])] },
    image: { width: 400, height: 100, format: 'jpeg', frames: 1 },
    faces: [
      { box: boxes[0]!, score: 0.9, landmarks: null },
      { box: box(110, 0, 40), score: 0.8, landmarks: null }, // covers three quarters, and 400 pixels beside
      { box: boxes[2]!, score: 0.4, landmarks: null }, // below the threshold
      { box: boxes[4]!, score: 0.9, landmarks: null }, // a face that does not count: neither good nor needless
      { box: box(0, 80, 20), score: 0.6, landmarks: null }, // nobody: 400 pixels
    ],
    timings: {},
    smallestFace: 8,
  };
  expect(measureMasks([measured], [0.5], { shape: 'box', padding: 0, margin: 0 })).toEqual([
    {
      threshold: 0.5,
      faces: 3,
      covered: 1,
      needlessShare: 800 / 40_000,
    },
  ]);
});

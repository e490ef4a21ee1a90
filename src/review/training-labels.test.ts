import { describe, expect, it } from 'vitest';
import type { RecordedFace, RecordedMask } from '../storage/job.ts';
import type { Box } from '../vision/geometry.ts';
import { labelFaces, type Reviewed } from './training-labels.ts';

const at = (x: number, y = 100, half = 20): Box => ({
  left: x - half,
  top: y - half,
  right: x + half,
  bottom: y + half,
});
const face = (x: number, given: Partial<RecordedFace> = {}): RecordedFace => ({
  box: at(x),
  box_normalized: at(x),
  score: 0.9,
  landmarks: null,
  ...given,
});
/** As masking makes it: larger than its face */
const mask = (x: number, origin: RecordedMask['origin'] = 'detected'): RecordedMask => ({
  ...at(x, 100, 30),
  shape: 'ellipse',
  origin,
});

const size = { width: 640, height: 200 };
const asDetected: Reviewed = {
  size,
  found: [face(100), face(200), face(300, { uncertain: true })],
  first: [mask(100), mask(200), mask(300, 'uncertain')],
  masks: [mask(100), mask(200), mask(300, 'uncertain')],
  visible: [],
  isCorrected: false,
};
const box = (x: number, half = 20) => [x - half, 100 - half, x + half, 100 + half];
const label = (x: number, half?: number) => ({ box: box(x, half), landmarks: null });
const ignored = (x: number, half?: number) => ({ ...label(x, half), ignore: true });

describe('the labels of an image', () => {
  it('are the faces that were found, not their masks; nobody has looked at the uncertain ones', () => {
    expect(labelFaces(asDetected)).toEqual([label(100), label(200), ignored(300)]);
  });

  it('of a corrected one count what is still masked, what was added, and what stays visible by choice', () => {
    const masks = [mask(100), mask(300, 'uncertain'), mask(500, 'added')];
    const visible = [{ ...at(400), reason: 'the speaker' }];
    const corrected = { ...asDetected, masks, visible, isCorrected: true };
    expect(labelFaces(corrected)).toEqual([label(100), ignored(200), label(300), label(500, 30), label(400)]);
    const named = { ...corrected, visible: [{ ...at(200), reason: 'has agreed' }] };
    expect(labelFaces(named)).toEqual([label(100), label(200), label(300), label(500, 30)]);
  });

  it('have a face once, whether its mask was enlarged or replaced', () => {
    const masks = [{ ...mask(100), left: 40 }, mask(200), mask(300, 'uncertain')];
    expect(labelFaces({ ...asDetected, masks, isCorrected: true })).toEqual([label(100), label(200), label(300)]);
  });

  it('leave open what a region or verification masked, and masks of faces whose job was deleted', () => {
    const first = [mask(100), mask(450, 'added')];
    expect(labelFaces({ ...asDetected, found: [face(100)], first, masks: first })).toEqual([
      label(100),
      ignored(450, 30),
    ]);
    expect(labelFaces({ ...asDetected, found: null, first, masks: first })).toEqual([
      ignored(100, 30),
      ignored(450, 30),
    ]);
  });

  it('have landmarks in the order of the training, boxes within the image, and only the first frame', () => {
    const point = (x: number, y: number) => ({ x, y });
    const landmarks = {
      mouth_right: point(9, 10),
      left_eye: point(1, 2),
      right_eye: point(3, 4),
      nose: point(5, 6),
      mouth_left: point(7, 8),
    };
    const found = [{ ...face(10), landmarks }, face(200, { frame: 1 })];
    const masks = [mask(10), { ...mask(200), frame: 1 }];
    expect(labelFaces({ ...asDetected, found, first: masks, masks })).toEqual([
      { box: [0, 80, 30, 120], landmarks: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
    ]);
  });
});

import type { Box } from '../../vision/geometry.ts';
import { coverage, isKept, type MaskShape, onGrid, planMask } from '../../vision/mask.ts';
import { paintMask } from '../../vision/paint.ts';
import type { Raster } from '../../vision/raster.ts';
import type { Detector } from './detector.ts';
import { findFaces } from './find-faces.ts';
import type { DetectSettings, MaskSettings, Verification } from './messages.ts';
import { resizePixels, type SourceImage } from './source-image.ts';
import type { Stages } from './stages.ts';

/** The network sees the masked image at this share of the size at which it saw the original. */
const OTHER_SIZE = 1.5;
const MAX_ROUNDS = 3;
const MAX_BOXES = 100;
/** A face counts as masked where at least this share of its box is covered. */
const COVERED = 0.5;

export interface VerifiedFrame {
  readonly clean: boolean;
  readonly rounds: number;
  readonly added: readonly Box[];
}

/**
 * Searches a masked frame once more, more sharply, and masks what is found outside the masks, until nothing is found
 * or the bounds of rounds and boxes are reached.
 */
export async function verifyFrame(
  frame: Raster,
  shapes: readonly MaskShape[],
  detect: DetectSettings,
  mask: MaskSettings,
  source: SourceImage,
  verifier: Detector,
  stages: Stages,
): Promise<VerifiedFrame> {
  const settings = {
    ...detect,
    threshold: Math.min(detect.threshold, mask.verifyThreshold),
    inputSize: Math.min(detect.maxInputSize, Math.round((detect.inputSize * OTHER_SIZE) / 32) * 32),
    maxFaces: Infinity,
    minFaceSize: 0,
  };
  const covered = coverage(shapes, frame);
  const added: Box[] = [];
  for (let rounds = 1; rounds <= MAX_ROUNDS; rounds++) {
    const faces = await findFaces(stages, verifier, frame, settings, 'verify', (size) => resizePixels(frame, size));
    const bare = faces
      .map(({ box }) => box)
      .filter((box) => !isKept(box, mask.regions) && coveredShare(covered, box, frame.width) < COVERED);
    if (bare.length === 0) return { clean: true, rounds, added };
    if (added.length + bare.length > MAX_BOXES) return { clean: false, rounds, added };
    const further = onGrid(planMask(bare, [], mask.plan), source.grid);
    await stages.run('mask', () => {
      paintMask(frame, further, mask.style);
    });
    coverage(further, frame).forEach((inside, pixel) => {
      if (inside !== 0) covered[pixel] = 1;
    });
    added.push(...bare);
  }
  return { clean: false, rounds: MAX_ROUNDS, added };
}

function coveredShare(covered: Uint8Array, box: Box, width: number): number {
  const [left, top, right, bottom] = [
    Math.floor(box.left),
    Math.floor(box.top),
    Math.ceil(box.right),
    Math.ceil(box.bottom),
  ];
  let inside = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) inside += covered[y * width + x]!;
  }
  return inside / ((right - left) * (bottom - top));
}

export function summarize(frames: readonly VerifiedFrame[]): Verification {
  return {
    outcome: frames.every(({ clean }) => clean) ? 'clean' : 'incomplete',
    rounds: Math.max(...frames.map(({ rounds }) => rounds)),
    added: frames.flatMap(({ added }, frame) => added.map((box) => (frames.length > 1 ? { ...box, frame } : box))),
  };
}

import { selectFaces, toPhoto } from '../../vision/faces.ts';
import type { Size } from '../../vision/geometry.ts';
import type { Letterbox } from '../../vision/letterbox.ts';
import type { Raster } from '../../vision/raster.ts';
import { type Candidate, decodeCandidates } from '../../vision/scrfd.ts';
import { shrinkByMean } from '../../vision/shrink.ts';
import { toTensor } from '../../vision/tensor.ts';
import type { View } from '../../vision/views.ts';
import type { Detector } from './detector.ts';
import type { DetectSettings, Face } from './messages.ts';
import { resizePixels } from './source-image.ts';
import type { Stages } from './stages.ts';

/**
 * SCRFD misses faces that are larger than its largest anchors: about 400 pixels as the network sees them. A second
 * look at a quarter of the size costs a tenth of the first and finds them; there, only faces that are large are taken,
 * since the first look places the others better.
 */
const SECOND_LOOK = { share: 0.25, leastSize: 0.25 };

/** Reads a photo, as a viewer may show it, at the size at which the network sees it. */
export type ReadAtSize = (size: Size) => Promise<Raster>;

/** What each view shows of decoded pixels. */
export function readViews(photo: Raster, views: readonly View[]): ReadAtSize[] {
  return views.map((view) => (size) => resizePixels(photo, size, view));
}

/**
 * Best first; a face that several views show is found once.
 * @param views what viewers may show of the photo
 * @param readStage name of the stage in which pixels are read
 */
export async function findFaces(
  stages: Stages,
  detector: Detector,
  photo: Size,
  views: readonly ReadAtSize[],
  settings: DetectSettings,
  readStage: string,
): Promise<Face[]> {
  const candidates: Candidate[][] = [];
  for (const readAtSize of views) {
    candidates.push(await lookTwice(stages, detector, photo, readAtSize, settings, readStage));
  }
  return stages.run('select', () => selectFaces(candidates.flat(), photo, settings));
}

async function lookTwice(
  stages: Stages,
  detector: Detector,
  photo: Size,
  readAtSize: ReadAtSize,
  { inputSize, threshold, largeFaces }: DetectSettings,
  readStage: string,
): Promise<Candidate[]> {
  const letterbox = detector.letterbox(photo, inputSize);
  const pixels = await stages.run(readStage, () => readAtSize(letterbox.content));
  const candidates = await findCandidates(stages, detector, pixels, letterbox, threshold);
  if (!largeFaces) return candidates;
  const smaller = detector.letterbox(photo, inputSize, SECOND_LOOK.share);
  const shrunk = await stages.run(readStage, () => shrinkByMean(pixels, smaller.content));
  const leastSize = SECOND_LOOK.leastSize * Math.max(photo.width, photo.height);
  const found = await findCandidates(stages, detector, shrunk, smaller, threshold);
  return [
    ...candidates,
    ...found.filter(({ box }) => Math.max(box.right - box.left, box.bottom - box.top) >= leastSize),
  ];
}

/** Candidates in pixels of the photo. */
async function findCandidates(
  stages: Stages,
  detector: Detector,
  pixels: Raster,
  letterbox: Letterbox,
  threshold: number,
): Promise<Candidate[]> {
  const { content, canvas } = letterbox;
  const tensor = await stages.run('tensor', () => toTensor(pixels.data, content, canvas, detector.inputFor(canvas)));
  const outputs = await stages.run('inference', () => detector.infer(tensor, canvas));
  return stages.run('select', () =>
    decodeCandidates(outputs, canvas, threshold).map((candidate) => toPhoto(candidate, letterbox)),
  );
}

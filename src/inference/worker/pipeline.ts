import { DomainError } from '../../errors/domain-error.ts';
import { selectFaces, toPhoto } from '../../vision/faces.ts';
import type { Size } from '../../vision/geometry.ts';
import type { Letterbox } from '../../vision/letterbox.ts';
import { type CallerRegion, onGrid, planMask } from '../../vision/mask.ts';
import { paintMask } from '../../vision/paint.ts';
import { clearHiddenColor, type Raster } from '../../vision/raster.ts';
import { type Candidate, decodeCandidates } from '../../vision/scrfd.ts';
import { toTensor } from '../../vision/tensor.ts';
import type { Detector } from './detector.ts';
import { encodeImage } from './encode.ts';
import {
  type DetectAnswer,
  type DetectSettings,
  type DetectTask,
  type Face,
  type MaskAnswer,
  type MaskTask,
  OUTPUT_FORMATS,
  type OutputFormat,
} from './messages.ts';
import { decodeAtSize, decodePixels, openImage, resizePixels, type SourceImage } from './source-image.ts';
import { Stages } from './stages.ts';

export interface Tools {
  readonly detector: Detector;
  readonly maxPixels: number;
}

/** header ▸ decode at the network's size ▸ infer ▸ select */
export async function detectFaces(task: DetectTask, { detector, maxPixels }: Tools): Promise<DetectAnswer> {
  const stages = new Stages(task.cancel);
  const source = await stages.run('header', () => openImage(task.image, maxPixels));
  const faces = await findFaces(stages, detector, source.size, task.detect, 'decode', (size) =>
    decodeAtSize(source, size),
  );
  return { image: facts(source), faces, timings: stages.timings };
}

/** header ▸ decode at full size ▸ resize ▸ infer ▸ select ▸ mask ▸ encode */
export async function maskFaces(task: MaskTask, { detector, maxPixels }: Tools): Promise<MaskAnswer> {
  const stages = new Stages(task.cancel);
  const source = await stages.run('header', () => openImage(task.image, maxPixels));
  refuseAnimation(source);
  refuseRegionsOutside(task.mask.regions, source.size);
  const photo = await stages.run('decode', () => decodePixels(source));
  const faces = task.detect
    ? await findFaces(stages, detector, source.size, task.detect, 'resize', (size) => resizePixels(photo, size))
    : [];
  const boxes = faces.map((face) => face.box);
  const shapes = onGrid(planMask(boxes, task.mask.regions, task.mask.plan), source.grid);
  await stages.run('mask', () => {
    clearHiddenColor(photo);
    paintMask(photo, shapes, task.mask.style);
  });
  const format = task.mask.format ?? outputFormatOf(source);
  const bytes = await stages.run('encode', () => encodeImage(photo, source.profile, format, task.mask.quality));
  return {
    image: facts(source),
    faces,
    timings: stages.timings,
    output: { format, bytes },
    maskedCount: shapes.length,
  };
}

/**
 * SCRFD misses faces that are larger than its largest anchors: about 400 pixels as the network sees them. A second
 * look at 0.4 of the size costs a sixth of the first and finds them; there, only faces that are large are taken, since
 * the first look places the others better.
 */
const SECOND_LOOK = { share: 0.4, leastSize: 0.25 };

async function findFaces(
  stages: Stages,
  detector: Detector,
  photo: Size,
  settings: DetectSettings,
  readStage: string,
  readAtSize: (size: Size) => Promise<Raster>,
): Promise<Face[]> {
  const letterbox = detector.letterbox(photo, settings.inputSize);
  const pixels = await stages.run(readStage, () => readAtSize(letterbox.content));
  const candidates = await findCandidates(stages, detector, pixels, letterbox, settings.threshold);
  if (settings.largeFaces) {
    const smaller = detector.letterbox(photo, settings.inputSize, SECOND_LOOK.share);
    const shrunk = await stages.run(readStage, () => resizePixels(pixels, smaller.content));
    const leastSize = SECOND_LOOK.leastSize * Math.max(photo.width, photo.height);
    const found = await findCandidates(stages, detector, shrunk, smaller, settings.threshold);
    candidates.push(...found.filter(({ box }) => Math.max(box.right - box.left, box.bottom - box.top) >= leastSize));
  }
  return stages.run('select', () => selectFaces(candidates, photo, settings));
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
  const tensor = await stages.run('tensor', () => toTensor(pixels.data, content, canvas));
  const outputs = await stages.run('inference', () => detector.infer(tensor, canvas));
  return stages.run('select', () =>
    decodeCandidates(outputs, canvas, threshold).map((candidate) => toPhoto(candidate, letterbox)),
  );
}

function facts({ size, format }: SourceImage): DetectAnswer['image'] {
  return { ...size, format };
}

function outputFormatOf({ format }: SourceImage): OutputFormat {
  return OUTPUT_FORMATS.find((output) => output === format) ?? 'png';
}

/** A mask on the first frame alone would leave the face in all others. */
function refuseAnimation({ frames, format }: SourceImage): void {
  if (frames > 1 && format !== 'avif') {
    throw new DomainError(
      'unsupported_image',
      `The image has ${frames} frames or pages; only single images are masked. Send the frames one by one`,
    );
  }
}

function refuseRegionsOutside(regions: readonly CallerRegion[], { width, height }: Size): void {
  const outside = regions.findIndex(
    ({ left, top, right, bottom }) => left >= width || top >= height || right <= 0 || bottom <= 0,
  );
  if (outside >= 0) {
    throw new DomainError(
      'invalid_option',
      `regions[${outside}] lies outside the upright image of ${width} × ${height} pixels`,
    );
  }
}

import { createHash } from 'node:crypto';
import { DomainError } from '../../errors/domain-error.ts';
import { hiddenPayloads } from '../../vision/container/hidden-payloads.ts';
import type { Size } from '../../vision/geometry.ts';
import { type CallerRegion, type MaskShape, onGrid, planMask } from '../../vision/mask.ts';
import { paintMask } from '../../vision/paint.ts';
import { clearHiddenColor, type Raster } from '../../vision/raster.ts';
import { joinNeighbours } from '../../vision/neighbours.ts';
import type { Detector } from './detector.ts';
import { encodeFrames, encodeImage } from './encode.ts';
import { findFaces } from './find-faces.ts';
import {
  ANIMATED_FORMATS,
  type DetectAnswer,
  type DetectTask,
  type Face,
  type MaskAnswer,
  type MaskSettings,
  type MaskTask,
  OUTPUT_FORMATS,
  type OutputFormat,
} from './messages.ts';
import { release } from './release.ts';
import { decodeAtSize, decodeFrames, framesToMask, openImage, resizePixels, type SourceImage } from './source-image.ts';
import { Stages } from './stages.ts';
import { verifyFrame, type VerifiedFrame, summarize } from './verify.ts';

export interface Tools {
  readonly detector: Detector;
  /** Searches masked images once more; the detector itself where no other is configured. */
  readonly verifier: Detector;
  readonly maxPixels: number;
  readonly maxFrames: number;
}

/** header ▸ decode at the network's size ▸ infer ▸ select; of an animation, the first frame */
export async function detectFaces(task: DetectTask, { detector, maxPixels }: Tools): Promise<DetectAnswer> {
  const stages = new Stages(task.cancel);
  const source = await stages.run('header', () => openImage(task.image, maxPixels));
  const faces = await stages.group('detect', () =>
    findFaces(stages, detector, source.size, task.detect, 'decode', (size) => decodeAtSize(source, size)),
  );
  return describe(source, faces, stages);
}

/** header ▸ decode at full size ▸ resize ▸ infer ▸ select ▸ mask ▸ verify ▸ encode; frame by frame where there are many */
export async function maskFaces(task: MaskTask, tools: Tools): Promise<MaskAnswer> {
  const stages = new Stages(task.cancel);
  const source = await stages.run('header', () => openImage(task.image, tools.maxPixels));
  const frameCount = framesToMask(source, tools.maxFrames, tools.maxPixels);
  const format = chooseFormat(source, frameCount, task.mask.format, tools.maxPixels);
  refuseRegionsOutside(task.mask.regions, source.size);
  const frames = await stages.run('decode', () => decodeFrames(source, frameCount));

  const faces: Face[][] = [];
  for (const frame of frames) faces.push(task.detect ? await findIn(frame, task.detect, tools.detector, stages) : []);
  const planned = faces.map((found) => planFrame(found, task.mask, source));
  const shapes = source.isAnimation ? joinNeighbours(planned) : planned;

  const verified: VerifiedFrame[] = [];
  for (const [index, frame] of frames.entries()) {
    await stages.run('mask', () => {
      clearHiddenColor(frame);
      paintMask(frame, shapes[index]!, task.mask.style);
    });
    if (task.mask.verify && task.detect) {
      const { detect, mask } = task;
      verified.push(
        await stages.group('verify', () =>
          verifyFrame(frame, shapes[index]!, detect, mask, source, tools.verifier, stages),
        ),
      );
    }
  }
  const { quality, effort } = task.mask;
  const encoding = { format, quality, effort, halvedChroma: source.halvedChroma };
  const bytes = await stages.run('encode', () =>
    frames.length === 1 ? encodeImage(frames[0]!, source.profile, encoding) : encodeFrames(frames, source, encoding),
  );
  // One buffer holds all frames.
  release(frames[0]!.data);
  const maskedBoxes = [...planned.flat().map(({ box }) => box), ...verified.flatMap(({ added }) => added)];
  const digests = task.mask.digests ? await stages.run('digest', () => digest(task.image, bytes)) : null;
  return {
    ...describe(
      source,
      faces.flatMap((found, frame) => found.map((face) => (frameCount > 1 ? { ...face, frame } : face))),
      stages,
    ),
    output: { format, bytes },
    maskedCount: maskedBoxes.length,
    maskedBoxes,
    verification: verified.length > 0 ? summarize(verified) : null,
    digests,
  };
}

function findIn(
  frame: Raster,
  settings: NonNullable<MaskTask['detect']>,
  detector: Detector,
  stages: Stages,
): Promise<Face[]> {
  return stages.group('detect', () =>
    findFaces(stages, detector, frame, settings, 'resize', (size) => resizePixels(frame, size)),
  );
}

function planFrame(faces: readonly Face[], { regions, plan }: MaskSettings, { grid }: SourceImage): MaskShape[] {
  const boxes = faces.map((face) => face.box);
  return onGrid(planMask(boxes, regions, plan), grid);
}

function describe(source: SourceImage, faces: readonly Face[], stages: Stages): DetectAnswer {
  const { bytes, format, frames, size } = source;
  return {
    image: { ...size, format, frames },
    faces,
    hiddenPayloads: hiddenPayloads(bytes, frames),
    timings: stages.timings,
    work: stages.work,
  };
}

function digest(input: Uint8Array, output: Uint8Array): NonNullable<MaskAnswer['digests']> {
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  return { input: sha256(input), output: sha256(output) };
}

/** @throws DomainError invalid_option where the format asked for cannot hold what there is to put in */
function chooseFormat(
  { format, size }: SourceImage,
  frames: number,
  asked: OutputFormat | undefined,
  maxPixels: number,
): OutputFormat {
  const chosen = asked ?? OUTPUT_FORMATS.find((output) => output === format) ?? 'png';
  if (frames > 1 && !ANIMATED_FORMATS.some((animated) => animated === chosen)) {
    throw new DomainError(
      'invalid_option',
      `format: ${chosen} holds one picture, and the image has ${frames}. Ask for ${ANIMATED_FORMATS.join(', ')}, or send one`,
    );
  }
  const longest = LONGEST_SIDE[chosen];
  if (longest !== undefined && Math.max(size.width, size.height) > longest) {
    throw new DomainError(
      'invalid_option',
      `format: ${chosen} holds at most ${longest} pixels a side. Ask for png or tiff`,
    );
  }
  const most = Math.floor(maxPixels / AVIF_COST);
  if (chosen === 'avif' && size.width * size.height > most) {
    throw new DomainError(
      'invalid_option',
      `format: avif is made of at most ${most} pixels here, and the image has ${size.width} × ${size.height}. Ask for webp, or send it at a smaller size`,
    );
  }
  return chosen;
}

/** Its encoder takes 30 bytes a pixel, three times as much as the others. */
const AVIF_COST = 3;

/** As the formats' own headers have room for; the others hold more than any image that is taken. */
const LONGEST_SIDE: Partial<Record<OutputFormat, number>> = { webp: 16_383, jpeg: 65_500, gif: 65_535, avif: 16_384 };

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

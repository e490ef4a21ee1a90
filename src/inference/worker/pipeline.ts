import { hash } from 'node:crypto';
import { DomainError } from '../../errors/domain-error.ts';
import { hiddenPayloads } from '../../vision/container/hidden-payloads.ts';
import { chooseFaces } from '../../vision/faces.ts';
import { grow, type Size } from '../../vision/geometry.ts';
import { countLooks } from '../../vision/looks.ts';
import { type CallerRegion, isKept, type MaskShape, onGrid, planMask } from '../../vision/mask.ts';
import { clearHiddenColor, type Raster } from '../../vision/raster.ts';
import { viewsOf } from '../../vision/views.ts';
import { assessFaces } from './assess-faces.ts';
import { carryMetadata } from './carry-metadata.ts';
import type { Detector } from './detector.ts';
import { encodeFrames, encodeImage, longestDelay } from './encode.ts';
import { type Detectors, findFaces, readViews, type Search } from './find-faces.ts';
import { shareOf } from './look-budget.ts';
import { MaskedFrames } from './masked-frames.ts';
import {
  ANIMATED_FORMATS,
  type AppliedMask,
  type DetectAnswer,
  type DetectSettings,
  type DetectTask,
  type Face,
  type MaskAnswer,
  type MaskSettings,
  type MaskTask,
  OUTPUT_FORMATS,
  type OutputFormat,
  type SearchFacts,
} from './messages.ts';
import { decodeAtSize, decodeFrames, framesToMask, openImage, type SourceImage } from './source-image.ts';
import { Stages } from './stages.ts';
import { maskAndVerify, type Verified, verifySettings } from './verify.ts';

export interface Tools {
  readonly detector: Detector;
  /** Searches masked images again, and at recall max also the originals; null: none is configured. */
  readonly second: Detector | null;
  readonly maxPixels: number;
  readonly maxFrames: number;
  /** Whether HEIC is decoded; absent: yes. */
  readonly heic?: boolean;
}

/** header ▸ decode at the network's size ▸ infer ▸ select ▸ assess; of an animation, the first frame */
export async function detectFaces(task: DetectTask, tools: Tools): Promise<DetectAnswer> {
  const stages = new Stages(task.cancel);
  const source = await stages.run('header', () => openImage(task.image, tools.maxPixels, tools.heic));
  if (source.hasAlpha) {
    const [frame] = await stages.run('decode', () => decodeShown(source, 1));
    const search = await findIn(frame!, task.detect, tools, stages);
    return describe(source, [await assess(search, task.detect, frame!, stages)], stages);
  }
  const search = await stages.group('detect', () =>
    findFaces(stages, detectorsOf(tools), source.size, [(size) => decodeAtSize(source, size)], task.detect, 'decode'),
  );
  if (!task.detect.faceQuality) return describe(source, [search], stages);
  const [frame] = await stages.run('decode', () => decodeShown(source, 1));
  return describe(source, [await assess(search, task.detect, frame!, stages)], stages);
}

/** header ▸ decode at full size ▸ resize ▸ infer ▸ select ▸ mask ▸ verify ▸ encode; frame by frame where there are many */
export async function maskFaces(task: MaskTask, tools: Tools): Promise<MaskAnswer> {
  const { detect, mask } = task;
  const stages = new Stages(task.cancel);
  const source = await stages.run('header', () => openImage(task.image, tools.maxPixels, tools.heic));
  const frameCount = framesToMask(source, tools.maxFrames, tools.maxPixels);
  const format = chooseFormat(source, frameCount, mask.format, tools.maxPixels);
  refuseRegionsOutside(mask.regions, source.size, frameCount);
  const frames = await stages.run('decode', () => decodeShown(source, frameCount));

  const found: Found[] = [];
  for (const [index, frame] of frames.entries()) {
    const limited = detect && { ...detect, deadline: shareOf(detect.deadline, frames.length - index) };
    const faces = await findToMask(frame, limited, mask, tools, stages);
    found.push(await assess(faces, detect, frame, stages));
  }
  const planned = found.map((frame, index) => planFrame(frame, index, mask));
  const shapes = planned.map((masks) =>
    onGrid(
      masks.map(({ shape }) => shape),
      source.grid,
    ),
  );
  const masked = new MaskedFrames(frames, shapes, source.isAnimation, mask.style, mask.verify);
  let verified: Verified | null = null;
  if (mask.verify && detect) {
    const faint = found.map((frame) => frame.faint);
    verified = await maskAndVerify(masked, faint, {
      verifier: tools.second ?? tools.detector,
      detect,
      mask,
      source,
      format,
      stages,
    });
  } else {
    await masked.paint(stages);
  }

  const { pictures } = masked;
  const encoding = { format, quality: mask.quality, effort: mask.effort, halvedChroma: source.halvedChroma };
  const encoded = await stages.run('encode', () =>
    pictures.length === 1
      ? encodeImage(pictures[0]!, source.profile, encoding)
      : encodeFrames(pictures, source, encoding),
  );
  masked.release();
  const { bytes, outcomes } = carryMetadata(task.image, encoded, mask.metadata, format, source.size);
  const maskedBoxes = [...planned.flat().map(({ shape }) => shape.box), ...(verified?.added.flat() ?? [])];
  const shortened = source.isAnimation && source.delays.some((delay) => delay > longestDelay(format));
  const digests = mask.digests ? await stages.run('digest', () => digest(task.image, bytes)) : null;
  return {
    ...describe(source, detect ? found : [], stages),
    notes: shortened ? [...source.notes, 'delays_shortened'] : source.notes,
    output: { format, bytes },
    maskedCount: maskedBoxes.length,
    uncertainCount: found.flatMap(({ faces }) => faces.filter(({ uncertain }) => uncertain)).length,
    maskedBoxes,
    masks: planned.flatMap((own, frame) =>
      appliedMasks(own, masked.shapesOf(frame), planned.length > 1 ? frame : null),
    ),
    verification: verified?.verification ?? null,
    metadata: outcomes,
    digests,
  };
}

function detectorsOf({ detector, second }: Tools): Detectors {
  return { main: detector, second };
}

/** The frames at full size. Colors under full transparency, which no viewer shows, are removed. */
async function decodeShown(source: SourceImage, count: number): Promise<Raster[]> {
  const frames = await decodeFrames(source, count);
  frames.forEach(clearHiddenColor);
  return frames;
}

interface Found extends Search {
  /** Candidates for verification that the request excludes by threshold, size or number. */
  readonly faint: readonly Face[];
}

async function findToMask(
  frame: Raster,
  detect: MaskTask['detect'],
  mask: MaskSettings,
  tools: Tools,
  stages: Stages,
): Promise<Found> {
  if (!detect) {
    const none = { main: [], second: [] };
    return { faces: [], looks: none, skippedLooks: none, smallestFace: Infinity, faint: [] };
  }
  const lowest = Math.min(detect.threshold, mask.reviewThreshold);
  const settings = mask.verify ? verifySettings(detect, mask) : { ...detect, threshold: lowest };
  const { faces: all, ...search } = await findIn(frame, settings, tools, stages);
  const faces = chooseFaces(
    all.filter(({ score }) => score >= lowest),
    detect,
  );
  const chosen = new Set(faces);
  return {
    ...search,
    faces: faces.map((face) => (face.score < detect.threshold ? { ...face, uncertain: true } : face)),
    faint: all.filter((face) => !chosen.has(face)),
  };
}

function findIn(frame: Raster, settings: DetectSettings, tools: Tools, stages: Stages): Promise<Search> {
  return stages.group('detect', () =>
    findFaces(stages, detectorsOf(tools), frame, readViews(frame, viewsOf(frame)), settings, 'resize'),
  );
}

/** The same search, its faces with their quality where that is asked for. */
async function assess<Some extends Search>(
  search: Some,
  settings: DetectSettings | null,
  frame: Raster,
  stages: Stages,
): Promise<Some> {
  if (!settings?.faceQuality) return search;
  return { ...search, faces: await stages.run('quality', () => assessFaces(search.faces, frame)) };
}

interface PlannedMask {
  readonly shape: MaskShape;
  readonly origin: AppliedMask['origin'];
}

function planFrame(
  { faces, smallestFace }: Search,
  frame: number,
  { regions: all, plan, margin }: MaskSettings,
): PlannedMask[] {
  const regions = all.filter((region) => region.frame === undefined || region.frame === frame);
  const masked = faces.filter(({ box }) => !isKept(box, regions));
  const planned = masked.flatMap(({ box, uncertain }) =>
    planMask([grow(box, margin * smallestFace)], [], plan).map((shape): PlannedMask => ({
      shape,
      origin: uncertain ? 'uncertain' : 'detected',
    })),
  );
  return [...planned, ...planMask([], regions, plan).map((shape): PlannedMask => ({ shape, origin: 'added' }))];
}

/**
 * @param shapes of the frame: those planned, then those that verification added
 * @param frame null: there is only one
 */
function appliedMasks(
  planned: readonly PlannedMask[],
  shapes: readonly MaskShape[],
  frame: number | null,
): AppliedMask[] {
  return shapes.map(({ kind, box }, index) => ({
    ...box,
    shape: kind,
    origin: planned[index]?.origin ?? 'added',
    ...(frame !== null && { frame }),
  }));
}

/** @param searches of the frames; empty without a search for faces */
function describe(source: SourceImage, searches: readonly Search[], stages: Stages): DetectAnswer {
  const { bytes, format, frames, size } = source;
  return {
    image: { ...size, format, frames },
    faces: searches.flatMap(({ faces }, frame) =>
      faces.map((face) => (searches.length > 1 ? { ...face, frame } : face)),
    ),
    search: searches.length > 0 ? joinSearches(searches) : null,
    hiddenPayloads: hiddenPayloads(bytes, frames),
    notes: source.notes,
    timings: stages.timings,
    work: stages.work,
  };
}

/** Of an animation, all frames: the smallest face is what can be expected of each. */
function joinSearches(searches: readonly Search[]): SearchFacts {
  const count = (looksOf: (search: Search) => Search['looks']) =>
    (['main', 'second'] as const).flatMap((detector) =>
      countLooks(searches.flatMap((search) => looksOf(search)[detector])).map((looks) => ({ detector, ...looks })),
    );
  return {
    looks: count(({ looks }) => looks),
    skippedLooks: count(({ skippedLooks }) => skippedLooks),
    smallestFace: Math.max(...searches.map(({ smallestFace }) => smallestFace)),
  };
}

function digest(input: Uint8Array, output: Uint8Array): NonNullable<MaskAnswer['digests']> {
  return { input: hash('sha256', input), output: hash('sha256', output) };
}

/** @throws DomainError invalid_option if the requested format cannot hold the result */
function chooseFormat(
  { format, size }: SourceImage,
  frames: number,
  asked: OutputFormat | undefined,
  maxPixels: number,
): OutputFormat {
  // There is no encoder of HEIC.
  const chosen = asked ?? OUTPUT_FORMATS.find((output) => output === format) ?? 'jpeg';
  if (frames > 1 && !ANIMATED_FORMATS.some((animated) => animated === chosen)) {
    throw new DomainError(
      'invalid_option',
      `format: ${chosen} supports one frame, and the image has ${frames}. Use ${ANIMATED_FORMATS.join(', ')}, or send a single frame`,
    );
  }
  const longest = LONGEST_SIDE[chosen];
  if (longest !== undefined && Math.max(size.width, size.height) > longest) {
    throw new DomainError(
      'invalid_option',
      `format: ${chosen} supports at most ${longest} pixels per side. Use png or tiff`,
    );
  }
  const most = Math.floor(maxPixels / AVIF_COST);
  if (chosen === 'avif' && size.width * size.height > most) {
    throw new DomainError(
      'invalid_option',
      `format: avif output is limited to ${most} pixels, and the image has ${size.width} × ${size.height}. Use webp, or send a smaller image`,
    );
  }
  return chosen;
}

/** Its encoder needs 30 bytes of memory per pixel, three times as much as the others. */
const AVIF_COST = 3;

/** Maximum side in the headers of these formats; the limits of others exceed that of any accepted image. */
const LONGEST_SIDE: Partial<Record<OutputFormat, number>> = { webp: 16_383, jpeg: 65_500, gif: 65_535, avif: 16_384 };

function refuseRegionsOutside(regions: readonly CallerRegion[], { width, height }: Size, frames: number): void {
  const outside = regions.findIndex(
    ({ left, top, right, bottom }) => left >= width || top >= height || right <= 0 || bottom <= 0,
  );
  if (outside >= 0) {
    throw new DomainError(
      'invalid_option',
      `regions[${outside}] is outside the upright image of ${width} × ${height} pixels`,
    );
  }
  const beyond = regions.findIndex(({ frame = 0 }) => frame >= frames);
  if (beyond >= 0) {
    throw new DomainError(
      'invalid_option',
      `regions[${beyond}].frame: the image has ${frames} frames, numbered from 0`,
    );
  }
}

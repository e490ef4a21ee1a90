import { type Box, iou } from '../../vision/geometry.ts';
import { coveredShare, isBare, isKept, onGrid, planWholeMask, wholeFace } from '../../vision/mask.ts';
import type { Raster } from '../../vision/raster.ts';
import { type View, viewsOf } from '../../vision/views.ts';
import type { Detector } from './detector.ts';
import { findFaces, readViews } from './find-faces.ts';
import type { MaskedFrames } from './masked-frames.ts';
import type { DetectSettings, Face, MaskSettings, OutputFormat, Verification } from './messages.ts';
import type { SourceImage } from './source-image.ts';
import type { Stages } from './stages.ts';

/** The masked image is searched at this multiple of the size at which the original was searched. */
const OTHER_SIZE = 1.5;
const MAX_ROUNDS = 3;
/** Maximum number of masks that are added to a frame */
const MAX_BOXES = 100;
/** A face on a masked frame that is covered to this share counts only if it is also bare on the original. */
const MOSTLY_COVERED = 0.5;
/** Boxes that overlap by more (intersection over union) are of one face. */
const SAME_FACE = 0.5;

/** Settings of the search in verification: faces of any size and number, with a low threshold. */
export function verifySettings(
  detect: DetectSettings,
  { reviewThreshold, verifyThreshold }: MaskSettings,
): DetectSettings {
  const threshold = Math.min(detect.threshold, reviewThreshold, verifyThreshold);
  return { ...detect, threshold, maxFaces: Infinity, minFaceSize: 0 };
}

export interface Verified {
  readonly verification: Verification;
  /** Boxes that were masked in addition, per frame. */
  readonly added: readonly (readonly Box[])[];
}

/** Inputs of verification in addition to the frames */
export interface Verifying {
  readonly verifier: Detector;
  readonly detect: DetectSettings;
  readonly mask: MaskSettings;
  readonly source: SourceImage;
  readonly format: OutputFormat;
  readonly stages: Stages;
}

/**
 * Searches masked frames once more, more sharply, and masks what is bare, until nothing is or the bounds of rounds and
 * boxes are reached. Only frames whose masks have changed are searched again.
 * @param frames with their masks, not yet painted
 * @param faint what was found in the originals and is not to be masked by what the caller asks for, frame by frame: a
 *   mask beside it may hide so much of it that the search no longer finds it
 */
export async function maskAndVerify(
  frames: MaskedFrames,
  faint: readonly (readonly Face[])[],
  verifying: Verifying,
): Promise<Verified> {
  const { stages } = verifying;
  const additions = new Additions(frames, verifying);
  for (const [frame, faces] of faint.entries()) additions.mask(frame, bareFaces(frames, frame, faces, verifying.mask));
  for (let rounds = 1; ; rounds++) {
    let bare = 0;
    for (const frame of await frames.paint(stages)) {
      const found = await stages.group('verify', () => findBare(frames, frame, verifying));
      additions.mask(frame, found);
      bare += found.length;
    }
    if (bare > 0 && rounds < MAX_ROUNDS && !additions.areBounded) continue;
    await frames.paint(stages);
    return additions.answer(bare === 0 && !additions.areBounded ? 'clean' : 'incomplete', rounds);
  }
}

/** The masks that verification adds, up to MAX_BOXES per frame. */
class Additions {
  /** Whether some were omitted. */
  areBounded = false;
  readonly #boxes: Box[][];
  readonly #frames: MaskedFrames;
  readonly #verifying: Verifying;

  constructor(frames: MaskedFrames, verifying: Verifying) {
    this.#boxes = frames.pictures.map(() => []);
    this.#frames = frames;
    this.#verifying = verifying;
  }

  /** @param faces best first */
  mask(frame: number, faces: readonly Face[]): void {
    const boxes = this.#boxes[frame]!;
    const added = faces
      .slice(0, MAX_BOXES - boxes.length)
      .map((face) => wholeFace(face, this.#frames.pictures[frame]!));
    if (added.length < faces.length) this.areBounded = true;
    if (added.length === 0) return;
    boxes.push(...added);
    const { mask, source } = this.#verifying;
    this.#frames.add(frame, onGrid(planWholeMask(added, mask.plan), source.grid));
  }

  answer(outcome: Verification['outcome'], rounds: number): Verified {
    const isOne = this.#boxes.length === 1;
    const added = this.#boxes.flatMap((boxes, frame) => boxes.map((box) => (isOne ? box : { ...box, frame })));
    return { verification: { outcome, rounds, added }, added: this.#boxes };
  }
}

/**
 * Searches a frame as it is masked.
 * @returns the faces that are to be seen; without those that only the masks make: a detector may take the fill, with
 *   what is left around it, for a face where there is none
 */
async function findBare(frames: MaskedFrames, frame: number, verifying: Verifying): Promise<readonly Face[]> {
  const { detect, format, mask, stages, verifier } = verifying;
  const settings = {
    ...verifySettings(detect, mask),
    // One look at another size: what the first search found by many is masked already.
    recall: 'fast' as const,
    deadline: Infinity,
    inputSize: Math.min(detect.maxInputSize, Math.round((detect.inputSize * OTHER_SIZE) / 32) * 32),
  };
  const look = async (photo: Raster, views: readonly View[], nmsThreshold: number) => {
    const options = { ...settings, nmsThreshold };
    return (
      await findFaces(stages, { main: verifier, second: null }, photo, readViews(photo, views), options, 'verify')
    ).faces;
  };

  const picture = frames.pictures[frame]!;
  const found = await look(picture, viewsIn(format, picture), settings.nmsThreshold);
  const bare = bareFaces(frames, frame, found, mask);
  if (bare.length === 0) return [];
  const covered = frames.coverage(frame);
  const isDoubtful = ({ box }: Face) => coveredShare(covered, box, picture) >= MOSTLY_COVERED;
  if (!bare.some(isDoubtful)) return bare;
  const original = frames.originals[frame]!;
  // With all candidates: a face behind another one may have been suppressed.
  const real = bareFaces(frames, frame, await look(original, viewsOf(original), 1), mask);
  return bare.filter((face) => !isDoubtful(face) || real.some(({ box }) => iou(box, face.box) > SAME_FACE));
}

/** The visible faces that no region of the request keeps. */
function bareFaces(
  frames: MaskedFrames,
  frame: number,
  faces: readonly Face[],
  { regions: all }: MaskSettings,
): readonly Face[] {
  const regions = all.filter((region) => region.frame === undefined || region.frame === frame);
  const unwanted = faces.filter(({ box }) => !isKept(box, regions));
  if (unwanted.length === 0) return [];
  const covered = frames.coverage(frame);
  return unwanted.filter((face) => isBare(face, covered, frames.pictures[frame]!));
}

/** Views of a picture in a format. JPEG has no transparency and gets a white background. */
function viewsIn(format: OutputFormat, picture: Raster): readonly View[] {
  return format === 'jpeg' && picture.channels === 4 ? ['on white'] : viewsOf(picture);
}

import { selectFaces, toPhoto } from '../../vision/faces.ts';
import { boxArea, intersection, longerSide, type Size } from '../../vision/geometry.ts';
import { type Finding, joinLooks } from '../../vision/join-looks.ts';
import { canvasFor } from '../../vision/letterbox.ts';
import { type Look, type LookPlan, planLooks, smallestFace } from '../../vision/looks.ts';
import { strongest, suppressOverlaps } from '../../vision/nms.ts';
import type { Raster } from '../../vision/raster.ts';
import type { Candidate } from '../../vision/scrfd.ts';
import { toTensor } from '../../vision/tensor.ts';
import { turnBack, turnedSize } from '../../vision/turn.ts';
import type { View } from '../../vision/views.ts';
import type { Detector } from './detector.ts';
import type { DetectorRole, DetectSettings, Face } from './messages.ts';
import { PixelsForLooks, type ReadAtSize } from './pixels-for-looks.ts';
import { resizePixels } from './source-image.ts';
import type { Stages } from './stages.ts';

/** Reads decoded pixels as each view shows them. */
export function readViews(photo: Raster, views: readonly View[]): ReadAtSize[] {
  return views.map((view) => (size) => resizePixels(photo, size, view));
}

/** Who searches; the second takes part only at the highest level. */
export interface Detectors {
  readonly main: Detector;
  readonly second: Detector | null;
}

/** The result of a search */
export interface Search {
  /** Best first; a face that is found in several views is listed once. */
  readonly faces: readonly Face[];
  /** All looks that each detector took, in all views */
  readonly looks: Readonly<Record<DetectorRole, readonly Look[]>>;
  /** Longer side in pixels of the photo of the smallest face that can be expected to be found anywhere in it. */
  readonly smallestFace: number;
}

/**
 * @param views ways in which viewers may show the photo
 * @param readStage name of the stage in which pixels are read
 */
export async function findFaces(
  stages: Stages,
  { main, second }: Detectors,
  photo: Size,
  views: readonly ReadAtSize[],
  settings: DetectSettings,
  readStage: string,
): Promise<Search> {
  const planFor = ({ fixedCanvas }: Detector) => planLooks(photo, { ...settings, fixedCanvas });
  const candidates: Candidate[] = [];
  const searchBy = async (detector: Detector): Promise<Look[]> => {
    const plan = planFor(detector);
    const looks = new Set<Look>();
    for (const readAtSize of views) {
      const pixels = new PixelsForLooks(photo, readAtSize);
      const threshold = findingThreshold(plan, settings.threshold);
      const findings = await followPlan(plan, photo, (look) => {
        looks.add(look);
        return takeLook(look, stages, detector, pixels, threshold, readStage);
      });
      candidates.push(...(await stages.run('select', () => joinTurns(findings, photo, settings))));
    }
    return [...looks];
  };
  const looks = {
    main: await searchBy(main),
    // Its looks vote among themselves: a face that only one detector sees is a face.
    second: second && settings.recall === 'max' ? await searchBy(second) : [],
  };
  const faces = await stages.run('select', () => selectFaces(candidates, photo, settings));
  return { faces, looks, smallestFace: smallestFace(planFor(main).looks, photo) };
}

/** If several looks vote, candidates count down to this share of the threshold. */
const VOTING_SHARE = 0.2;
/** Below this score, a network returns thousands of meaningless candidates. */
const LEAST_VOTE = 0.02;

/** Minimum score of the candidates of a look: lower than the threshold if they decide on votes or turns. */
function findingThreshold({ looks, ifTurned }: LookPlan, threshold: number): number {
  const voters = new Set(looks.filter(({ votes }) => votes).map(({ longSide }) => longSide));
  const needed = [
    ...(voters.size > 1 ? [Math.max(LEAST_VOTE, VOTING_SHARE * threshold)] : []),
    ...(ifTurned.length > 0 ? [CLEAR_SCORE] : []),
  ];
  return Math.min(threshold, ...needed);
}

/** Small looks in different turns are compared by the sum of their scores from this one on. */
const CLEAR_SCORE = 0.3;
const SAME_FACE = 0.4;
/** A candidate of up to this longer side in network pixels is a reason for a look at its tile in full resolution. */
const SMALL_FACE = 24;
const SMALL_FACE_SCORE = 0.25;

/**
 * Takes the looks of the plan; conditional looks only if earlier findings meet the condition.
 * @returns findings, without those of turns that were not better
 */
async function followPlan(
  { looks, ifTurned, ifCrowded }: LookPlan,
  photo: Size,
  take: (look: Look) => Promise<Finding>,
): Promise<readonly Finding[]> {
  const takeAll = async (some: readonly Look[]) => {
    const findings: Finding[] = [];
    for (const look of some) findings.push(await take(look));
    return findings;
  };
  const upright = await takeAll(looks);
  const turned = await takeAll(ifTurned.map((other) => other.at(-1)!));
  const clearest = clearestOf([upright.at(-1)!, ...turned]) - 1;
  const better = clearest < 0 ? [] : [turned[clearest]!, ...(await takeAll(ifTurned[clearest]!.slice(0, -1)))];
  const small = smallFaces(upright, photo);
  const crowded = ifCrowded.filter(({ tile }) => small.some(({ box }) => boxArea(intersection(box, tile)) > 0));
  return [...upright, ...better, ...(await takeAll(crowded))];
}

/** Index of the finding with the highest sum of scores; the first if several are equal. */
function clearestOf(findings: readonly Finding[]): number {
  if (findings.length === 1) return 0;
  const shown = findings.map(({ candidates }) => {
    const clear = strongest(candidates.filter(({ score }) => score >= CLEAR_SCORE));
    return suppressOverlaps(clear, SAME_FACE).reduce((sum, { score }) => sum + score, 0);
  });
  return shown.indexOf(Math.max(...shown));
}

function smallFaces(findings: readonly Finding[], photo: Size): Candidate[] {
  const longSide = Math.max(photo.width, photo.height);
  return findings.flatMap(({ look, candidates }) =>
    candidates.filter(
      ({ box, score }) => score >= SMALL_FACE_SCORE && longerSide(box) * (look.longSide / longSide) <= SMALL_FACE,
    ),
  );
}

/** In pixels of the photo. */
function joinTurns(
  findings: readonly Finding[],
  photo: Size,
  { threshold, nmsThreshold }: DetectSettings,
): Candidate[] {
  return [...Map.groupBy(findings, ({ look }) => look.turn)].flatMap(([turn, group]) =>
    joinLooks(group, turnedSize(photo, turn), nmsThreshold)
      .filter(({ score }) => score >= threshold)
      .map((candidate) => turnBack(candidate, turn, photo)),
  );
}

async function takeLook(
  look: Look,
  stages: Stages,
  detector: Detector,
  pixels: PixelsForLooks,
  threshold: number,
  readStage: string,
): Promise<Finding> {
  const { rgb, placement } = await stages.run(readStage, () => pixels.of(look));
  const canvas = detector.fixedCanvas ?? canvasFor(rgb);
  const tensor = await stages.run('tensor', () =>
    toTensor(rgb.data, rgb, canvas, detector.inputFor(canvas), detector.kind.coding),
  );
  const outputs = await stages.run('inference', () => detector.infer(tensor, canvas));
  const candidates = await stages.run('select', () =>
    detector.kind.decode(outputs, canvas, threshold).map((candidate) => toPhoto(candidate, placement)),
  );
  return { look, candidates };
}

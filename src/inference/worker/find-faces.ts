import { selectFaces, toPhoto } from '../../vision/faces.ts';
import { longerSide, overlap, type Size } from '../../vision/geometry.ts';
import { type Finding, joinLooks } from '../../vision/join-looks.ts';
import { canvasFor, scaleAt } from '../../vision/letterbox.ts';
import { type Look, type LookPlan, planLooks, smallestFace } from '../../vision/looks.ts';
import { strongest, suppressOverlaps } from '../../vision/nms.ts';
import type { Raster } from '../../vision/raster.ts';
import type { Candidate } from '../../vision/scrfd.ts';
import { toTensor } from '../../vision/tensor.ts';
import { turnBack, turnedSize } from '../../vision/turn.ts';
import type { View } from '../../vision/views.ts';
import type { Detector } from './detector.ts';
import { LookBudget, shareOf } from './look-budget.ts';
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

type LooksByDetector = Readonly<Record<DetectorRole, readonly Look[]>>;

/** The result of a search */
export interface Search {
  /** Best first; a face that is found in several views is listed once. */
  readonly faces: readonly Face[];
  /** Looks of each detector that were taken in every view. */
  readonly looks: LooksByDetector;
  /** Those for which there was no time. */
  readonly skippedLooks: LooksByDetector;
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
  const searchers = {
    main: newSearcher(main, photo, settings),
    second: second && settings.recall === 'max' ? newSearcher(second, photo, settings) : null,
  };
  const candidates: Candidate[] = [];
  // A budget may not last for the largest size: then, each size is read when its turn comes.
  const planned = settings.deadline === Infinity ? searchers.main.plan.looks.map(({ longSide }) => longSide) : [];
  for (const [index, readAtSize] of views.entries()) {
    const pixels = new PixelsForLooks(photo, readAtSize, planned);
    // The second detector has what the main one leaves of it, which may be nothing.
    const budget = new LookBudget(shareOf(settings.deadline, views.length - index));
    for (const searcher of [searchers.main, searchers.second]) {
      if (!searcher) continue;
      const { detector, plan, seen, skipped } = searcher;
      const threshold = findingThreshold(plan, settings.threshold);
      const estimateMs = (look: Look) =>
        detector.pace.msFor(canvasPixels(look, photo, detector)) + pixels.readMsFor(look.longSide);
      const findings = await followPlan(plan, photo, async (some) => {
        const taken = await budget.take(some, estimateMs, (look) => {
          seen.add(look);
          return takeLook(look, stages, detector, pixels, threshold, readStage);
        });
        taken.skipped.forEach((look) => skipped.add(look));
        return taken.findings;
      });
      // The looks of a detector vote among themselves: a face that only one detector sees is a face.
      candidates.push(...(await stages.run('select', () => joinTurns(findings, photo, settings))));
    }
  }
  const faces = await stages.run('select', () => selectFaces(candidates, photo, settings));
  const by = (looksOf: (searcher: Searcher) => Iterable<Look>): LooksByDetector => ({
    main: [...looksOf(searchers.main)],
    second: searchers.second ? [...looksOf(searchers.second)] : [],
  });
  return {
    faces,
    looks: by(({ seen, skipped }) => seen.difference(skipped)),
    skippedLooks: by(({ skipped }) => skipped),
    smallestFace: smallestFace(searchers.main.plan.looks, photo, [...searchers.main.skipped]),
  };
}

/** What a detector is to look at, and what it has looked at in some view. */
interface Searcher {
  readonly detector: Detector;
  readonly plan: LookPlan;
  readonly seen: Set<Look>;
  /** Left out in some view. */
  readonly skipped: Set<Look>;
}

function newSearcher(detector: Detector, photo: Size, settings: DetectSettings): Searcher {
  const plan = planLooks(photo, { ...settings, fixedCanvas: detector.fixedCanvas });
  return { detector, plan, seen: new Set(), skipped: new Set() };
}

function canvasPixels({ tile, longSide }: Look, photo: Size, { fixedCanvas }: Detector): number {
  const scale = scaleAt(photo, longSide);
  const seen = { width: (tile.right - tile.left) * scale, height: (tile.bottom - tile.top) * scale };
  const { width, height } = fixedCanvas ?? canvasFor(seen);
  return width * height;
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
 * @param takeAll takes the looks for which there is time
 * @returns findings, without those of turns that were not better
 */
async function followPlan(
  { looks, ifTurned, ifCrowded }: LookPlan,
  photo: Size,
  takeAll: (looks: readonly Look[]) => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  // The larger looks, which take longest, come after the choice of a turn.
  const untilSmall = looks.findIndex(isSmall) + 1;
  const first = await takeAll(looks.slice(0, untilSmall));
  const turned = await takeAll(ifTurned.flatMap((other) => other.filter(isSmall)));
  const clearest = clearestOf([...first.filter(({ look }) => isSmall(look)), ...turned]);
  const better = turned.filter((finding) => finding === clearest);
  const ofBetter = ifTurned.flat().filter((look) => !isSmall(look) && look.turn === better[0]?.look.turn);
  better.push(...(await takeAll(ofBetter)));
  const upright = [...first, ...(await takeAll(looks.slice(untilSmall)))];
  const small = smallFaces(upright, photo);
  const crowded = ifCrowded.filter(({ tile }) => small.some(({ box }) => overlap(box, tile)));
  return [...upright, ...better, ...(await takeAll(crowded))];
}

/** The small look has no vote. */
function isSmall({ votes }: Look): boolean {
  return !votes;
}

/** The finding with the highest sum of scores; the first if several are equal. */
function clearestOf(findings: readonly Finding[]): Finding | undefined {
  if (findings.length < 2) return findings[0];
  const shown = findings.map(({ candidates }) => {
    const clear = strongest(candidates.filter(({ score }) => score >= CLEAR_SCORE));
    return suppressOverlaps(clear, SAME_FACE).reduce((sum, { score }) => sum + score, 0);
  });
  return findings[shown.indexOf(Math.max(...shown))];
}

function smallFaces(findings: readonly Finding[], photo: Size): Candidate[] {
  return findings.flatMap(({ look, candidates }) =>
    candidates.filter(
      ({ box, score }) => score >= SMALL_FACE_SCORE && longerSide(box) * scaleAt(photo, look.longSide) <= SMALL_FACE,
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
  const start = performance.now();
  const tensor = await stages.run('tensor', () =>
    toTensor(rgb.data, rgb, canvas, detector.inputFor(canvas), detector.kind.coding),
  );
  const outputs = await stages.run('inference', () => detector.infer(tensor, canvas));
  const candidates = await stages.run('select', () =>
    detector.kind.decode(outputs, canvas, threshold).map((candidate) => toPhoto(candidate, placement)),
  );
  detector.pace.add(canvas.width * canvas.height, performance.now() - start);
  return { look, candidates };
}

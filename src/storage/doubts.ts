import { bordersCutting } from '../vision/quality.ts';
import type { Job } from './job.ts';

/** Why a person should look at a masked image, the most urgent first. */
export const REASONS = [
  'reported',
  'unverified',
  'verification_added',
  'uncertain_faces',
  'cut_faces',
  'small_faces',
  'coarse_search',
] as const;
export type Reason = (typeof REASONS)[number];

/** How often each reason applies: the number of faces, masks or reports. Reasons that do not apply are absent. */
export type Doubts = Readonly<Partial<Record<Reason, number>>>;

const WEIGHTS: Readonly<Record<Reason, number>> = {
  reported: 80,
  unverified: 40,
  verification_added: 30,
  uncertain_faces: 20,
  cut_faces: 10,
  small_faces: 10,
  coarse_search: 5,
};
/** One reason that applies very often counts for less than another reason. */
const MAX_COUNT = 9;

/** Faces up to this many times the size of the smallest face that can be found: smaller ones may be near them. */
const SMALL = 2;
/** Of the smallest face that can be found: faces below it are seen by people, but not by the search. */
const COARSE_PX = 32;

/** Why somebody should look at the result of a masking. The migration that creates the queue counts in the same way. */
export function doubtsOf({ faces, size, verification, search }: Job): Doubts {
  const found = faces ?? [];
  const smallest = search?.smallest_face_px ?? 0;
  const isCoarse = (search?.skipped_looks ?? 0) > 0 || smallest > COARSE_PX;
  return withoutZeros({
    unverified: verification?.outcome === 'incomplete' ? 1 : 0,
    verification_added: verification?.added_boxes.length ?? 0,
    uncertain_faces: found.filter(({ uncertain }) => uncertain).length,
    cut_faces: size ? found.filter(({ box }) => bordersCutting(box, size).length > 0).length : 0,
    small_faces: found.filter(({ box }) => longSide(box) < SMALL * smallest).length,
    coarse_search: isCoarse ? Math.max(1, search?.skipped_looks ?? 0) : 0,
  });
}

/** The doubt by which the queue is sorted: the sum of the weights of the reasons, and of how often they apply. */
export function scoreOf(doubts: Doubts): number {
  return REASONS.reduce((sum, reason) => {
    const count = doubts[reason] ?? 0;
    return count === 0 ? sum : sum + WEIGHTS[reason] + Math.min(count, MAX_COUNT);
  }, 0);
}

function longSide({ left, top, right, bottom }: { left: number; top: number; right: number; bottom: number }): number {
  return Math.max(right - left, bottom - top);
}

function withoutZeros(counts: Doubts): Doubts {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

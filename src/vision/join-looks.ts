import { type Box, boxArea, intersection, iou, longerSide, type Size } from './geometry.ts';
import { scaleAt } from './letterbox.ts';
import type { Look } from './looks.ts';
import { strongest, suppressOverlaps } from './nms.ts';
import type { Candidate } from './scrfd.ts';

/** The result of one look */
export interface Finding {
  readonly look: Look;
  /** In pixels of the turned photo. */
  readonly candidates: readonly Candidate[];
}

/** Boxes of two looks with a larger overlap (intersection over union) belong to the same face. */
const SAME_FACE = 0.4;
/** Minimum weight of a look that finds a face of a size for which it is not trusted. */
const LEAST_WEIGHT = 0.1;
/** Weight of the other boxes in the mean, relative to the best one. */
const OTHER_BOXES = 0.5;
/** A box that is this close to the inner edge of a tile, in network pixels, may be cut. */
const EDGE = 2;
/** A cut box belongs to the same face as a complete one that contains this share of it and has this share of its score. */
const SAME_AS_CUT = { area: 0.7, score: 0.5 };

/**
 * Joins the findings of the looks in one turn. If looks of several sizes vote, a face that some of them find becomes one
 * candidate:
 *
 * - Its score is halfway between the best look's and the mean of all, in which a look that saw the place and found
 *   nothing counts 0. Each look has the weight of its trust in faces of this size.
 * - Its box is the mean of the looks' boxes, the best's counting twice. Its landmarks are the best's.
 *
 * Tiles of one size have one vote together. The small look has none: its findings come along as they are, as all do
 * where only one size votes.
 *
 * @param photo as it is turned
 * @param nmsThreshold overlap above which the weaker of two boxes of one size is dropped before the vote
 * @returns candidates in pixels of the turned photo, not yet suppressed
 */
export function joinLooks(findings: readonly Finding[], photo: Size, nmsThreshold: number): Candidate[] {
  const found = yieldToWhole(
    findings.flatMap((finding) => largeEnough(finding, photo)),
    photo,
  );
  const voting = findings.map(({ look }) => look).filter(({ votes }) => votes);
  const voters = [...Map.groupBy(voting, ({ longSide }) => longSide).values()];
  if (voters.length < 2) return found.map(({ candidate }) => candidate);
  const votes = voters.flatMap((looks) =>
    suppressOverlaps(strongest(found.filter(({ look }) => looks.includes(look)).map(toVote)), nmsThreshold),
  );
  return [
    ...countVotes(votes, voters, photo),
    ...found.filter(({ look }) => !look.votes).map(({ candidate }) => candidate),
  ];
}

interface Found {
  readonly look: Look;
  readonly candidate: Candidate;
}

interface Vote extends Candidate {
  /** Long side of the look: who votes. */
  readonly voter: number;
}

function toVote({ look, candidate }: Found): Vote {
  return { ...candidate, voter: look.longSide };
}

/** The small look returns only large faces. */
function largeEnough({ look, candidates }: Finding, photo: Size): Found[] {
  if (look.votes) return candidates.map((candidate) => ({ look, candidate }));
  const least = look.trusted.from / scaleAt(photo, look.longSide);
  return candidates.filter(({ box }) => longerSide(box) >= least).map((candidate) => ({ look, candidate }));
}

/** Drops boxes that the inner edge of a tile cuts if there is a complete one of the same face. */
function yieldToWhole(found: readonly Found[], photo: Size): readonly Found[] {
  const cut = new Set(found.filter((each) => isCut(each, photo)));
  if (cut.size === 0) return found;
  const whole = found.filter((each) => !cut.has(each)).map(({ candidate }) => candidate);
  const isOf = (part: Candidate) => (all: Candidate) =>
    all.score >= SAME_AS_CUT.score * part.score &&
    boxArea(intersection(part.box, all.box)) >= SAME_AS_CUT.area * boxArea(part.box);
  return found.filter((each) => !cut.has(each) || !whole.some(isOf(each.candidate)));
}

function isCut({ look: { tile, longSide }, candidate: { box } }: Found, photo: Size): boolean {
  const edge = EDGE / scaleAt(photo, longSide);
  return (
    (tile.left > 0 && box.left < tile.left + edge) ||
    (tile.top > 0 && box.top < tile.top + edge) ||
    (tile.right < photo.width && box.right > tile.right - edge) ||
    (tile.bottom < photo.height && box.bottom > tile.bottom - edge)
  );
}

/** @param voters the looks of each size that votes */
function countVotes(votes: readonly Vote[], voters: readonly (readonly Look[])[], photo: Size): Candidate[] {
  const left = new Set(votes.toSorted((a, b) => b.score - a.score));
  const joined: Candidate[] = [];
  for (const best of left) {
    const agreeing = [best];
    for (const vote of left) {
      if (agreeing.every(({ voter }) => voter !== vote.voter) && iou(vote.box, best.box) > SAME_FACE)
        agreeing.push(vote);
    }
    agreeing.forEach((vote) => left.delete(vote));
    joined.push(joinVotes(best, agreeing, voters, photo));
  }
  return joined;
}

function joinVotes(
  best: Vote,
  agreeing: readonly Vote[],
  voters: readonly (readonly Look[])[],
  photo: Size,
): Candidate {
  const { box, score, landmarks } = best;
  let [scores, weights, boxWeights] = [0, 0, 0];
  const mean = { left: 0, top: 0, right: 0, bottom: 0 };
  for (const looks of voters) {
    const { longSide, trusted } = looks[0]!;
    const vote = agreeing.find(({ voter }) => voter === longSide);
    const trust = trustIn(longerSide((vote ?? best).box) * scaleAt(photo, longSide), trusted);
    if (vote === undefined) {
      if (looks.some(({ tile }) => holds(tile, box, photo))) weights += trust;
      continue;
    }
    const weight = Math.max(trust, LEAST_WEIGHT);
    scores += weight * vote.score;
    weights += weight;
    const boxWeight = (vote === best ? 1 : OTHER_BOXES) * weight * vote.score;
    boxWeights += boxWeight;
    for (const side of SIDES) mean[side] += boxWeight * vote.box[side];
  }
  for (const side of SIDES) mean[side] /= boxWeights;
  return { score: (score + scores / weights) / 2, box: mean, landmarks };
}

const SIDES = ['left', 'top', 'right', 'bottom'] as const;

/** 1 within the trusted sizes, 0 below them, and falling to 0 at twice the largest. */
function trustIn(size: number, { from, to }: Look['trusted']): number {
  return size < from ? 0 : Math.min(1, Math.max(0, 1 - Math.log2(size / to)));
}

/** Whether the tile contains the complete box, as far as it is in the photo. */
function holds(tile: Box, box: Box, photo: Size): boolean {
  return (
    Math.max(box.left, 0) >= tile.left &&
    Math.max(box.top, 0) >= tile.top &&
    Math.min(box.right, photo.width) <= tile.right &&
    Math.min(box.bottom, photo.height) <= tile.bottom
  );
}

import type { Box, Size } from './geometry.ts';
import { longSideOn, scaleAt } from './letterbox.ts';
import { type Turn, TURNS, turnedSize } from './turn.ts';

/** How thoroughly faces are searched: each level takes longer and misses fewer faces than the one before. */
export const RECALL_LEVELS = ['fast', 'standard', 'high', 'max'] as const;
export type RecallLevel = (typeof RECALL_LEVELS)[number];

/** One run of the network: which part of the photo it sees, how large, and turned by how much. */
export interface Look {
  /** Clockwise turn of the photo before inference. */
  readonly turn: Turn;
  /** The part that is seen, in whole pixels of the turned photo. */
  readonly tile: Box;
  /** Long side of the whole photo in network pixels, at the scale of this look. */
  readonly longSide: number;
  /** Longer sides in network pixels of the faces that the look is good at. */
  readonly trusted: { readonly from: number; readonly to: number };
  /** Whether this look counts against a face that it does not find. */
  readonly votes: boolean;
}

/** The looks at one photo, in the order of their worth: the usual one, the small one, then larger ones. */
export interface LookPlan {
  /** Always taken. */
  readonly looks: readonly Look[];
  /** For each other turn its looks. Those of the best turn are taken if its small look finds more than the upright one. */
  readonly ifTurned: readonly (readonly Look[])[];
  /** Tiles of the photo at its own size. Each is taken if the looks before it find small faces there. */
  readonly ifCrowded: readonly Look[];
}

export interface PlanOptions {
  readonly recall: RecallLevel;
  /** Long side in network pixels of the usual look; ignored if the canvas is fixed. */
  readonly inputSize: number;
  /** Whether there is a small look for faces that fill much of the photo. */
  readonly largeFaces: boolean;
  /** The only canvas of a network with a fixed input; null: any canvas. */
  readonly fixedCanvas: Size | null;
}

/** Sizes of the looks except the small one, in multiples of the usual size. */
const SCALES: Readonly<Record<RecallLevel, readonly number[]>> = {
  fast: [1],
  standard: [1.5],
  high: [1, 2, 3],
  max: [1, 2, 3],
};

/**
 * SCRFD misses faces that are larger than its largest anchors, about 400 network pixels. The small look finds them; of
 * it, only faces are taken that are large, since the other looks place small ones better. Where it chooses a turn as
 * well, it is larger.
 */
const SMALL_LOOK = { scale: { fast: 0.25, standard: 0.25, high: 0.4, max: 0.4 }, leastShare: 0.25 };

/** Maximum enlargement of the photo; more would only take time. */
const MOST_ENLARGED = { fast: Infinity, standard: 1, high: 1.9, max: 1.9 };
/** At the higher levels, the largest look shrinks the photo to no less than this: decoding at half the size is cheap. */
const LEAST_SHRUNK = 0.5;
/** Minimum size of the photo, in multiples of the largest look, for looks in full resolution. */
const WORTH_TILES = 1.25;
/** The largest canvas in the arena of ONNX Runtime: larger ones take more time and much more memory. */
const TILE = { width: 960, height: 960 };

/** Faces with a shorter long side, in network pixels, are not found. */
const UNSEEN = 4;
/** Most faces with a shorter long side are missed. */
const SMALLEST_SEEN = 8;
const USUAL = { from: UNSEEN, to: Infinity };
/** Large looks cause more false alarms among large faces, which the usual look finds well. */
const LARGE = { from: UNSEEN, to: 100 };
/** Tiles overlap by twice the largest face that they are trusted with: beyond that they have no vote. */
const OVERLAP = 2 * LARGE.to;

/** Plans the looks from the size of the photo. */
export function planLooks(photo: Size, options: PlanOptions): LookPlan {
  const { recall, largeFaces } = options;
  const looksIn = (turn: Turn) => wholeLooks(turnedSize(photo, turn), turn, options);
  const tilesIn = (turn: Turn) => nativeTiles(turnedSize(photo, turn), turn, options);
  switch (recall) {
    case 'fast':
    case 'standard':
      return { looks: looksIn(0), ifTurned: [], ifCrowded: [] };
    case 'high':
      return {
        looks: looksIn(0),
        ifTurned: largeFaces ? TURNS.filter((turn) => turn !== 0).map(looksIn) : [],
        ifCrowded: tilesIn(0),
      };
    case 'max':
      return {
        looks: byWorth(TURNS.flatMap((turn) => [...looksIn(turn), ...tilesIn(turn)])),
        ifTurned: [],
        ifCrowded: [],
      };
  }
}

/**
 * Longer side in pixels of the photo of the smallest face that the looks can be expected to find, wherever it is.
 * @param skipped those of the looks that were not taken: what is left of their size does not see all of the photo
 */
export function smallestFace(looks: readonly Look[], photo: Size, skipped: readonly Look[] = []): number {
  const longSide = Math.max(photo.width, photo.height);
  const complete = looks.filter(
    (look) => !skipped.some((one) => one.longSide === look.longSide && one.turn === look.turn),
  );
  return Math.min(...complete.map((look) => (Math.max(look.trusted.from, SMALLEST_SEEN) * longSide) / look.longSide));
}

/** Looks of one size and turn. */
export interface LookCount {
  readonly longSide: number;
  readonly turn: Turn;
  /** How often the network ran: once for each tile of each frame. */
  readonly runs: number;
}

/** In the order of their first occurrence. */
export function countLooks(looks: readonly Look[]): LookCount[] {
  return [...Map.groupBy(looks, ({ longSide, turn }) => `${longSide} ${turn}`).values()].map((group) => {
    const { longSide, turn } = group[0]!;
    return { longSide, turn, runs: group.length };
  });
}

/** Of several turns: the usual look at the upright photo, then the smaller sizes before the larger. */
function byWorth([usual, ...others]: readonly Look[]): Look[] {
  return [usual!, ...others.toSorted((a, b) => a.longSide - b.longSide)];
}

function wholeLooks(photo: Size, turn: Turn, options: PlanOptions): Look[] {
  const [first, ...larger] = sizesOf(photo, options);
  const tile = { left: 0, top: 0, right: photo.width, bottom: photo.height };
  const small = SMALL_LOOK.scale[options.recall] * usualSize(photo, options);
  const trusted = { from: SMALL_LOOK.leastShare * small, to: Infinity };
  return [
    { turn, tile, longSide: first, trusted: USUAL, votes: true },
    ...(options.largeFaces ? [{ turn, tile, longSide: small, trusted, votes: false }] : []),
    ...larger.flatMap((size) => looksAt(size, photo, turn, options)),
  ];
}

/** Sizes of all looks except the small one, smallest first. */
function sizesOf(photo: Size, options: PlanOptions): [number, ...number[]] {
  const { recall, fixedCanvas } = options;
  const longSide = Math.max(photo.width, photo.height);
  const usual = usualSize(photo, options);
  const scaled = SCALES[recall].map((scale) => scale * usual);
  const [first = usual, ...larger] = scaled.filter((size) => size <= MOST_ENLARGED[recall] * longSide);
  const half = LEAST_SHRUNK * longSide;
  const isLarge = larger.length > 0 && half > larger.at(-1)!;
  // The first look is for faces of any size, which no tile may cut: it must fit a fixed canvas.
  return [fixedCanvas ? usual : first, ...(isLarge ? [half] : larger)];
}

function usualSize(photo: Size, { inputSize, fixedCanvas }: PlanOptions): number {
  return fixedCanvas ? longSideOn(photo, fixedCanvas) : inputSize;
}

function nativeTiles(photo: Size, turn: Turn, options: PlanOptions): Look[] {
  const longSide = Math.max(photo.width, photo.height);
  const largest = sizesOf(photo, options).at(-1)!;
  return longSide > WORTH_TILES * largest ? looksAt(longSide, photo, turn, options) : [];
}

/** The complete photo at one size, in tiles if it does not fit the canvas. */
function looksAt(longSide: number, photo: Size, turn: Turn, { fixedCanvas }: PlanOptions): Look[] {
  const scale = scaleAt(photo, longSide);
  const room = fixedCanvas ?? TILE;
  const columns = cover(photo.width, scale, room.width);
  return cover(photo.height, scale, room.height).flatMap(([top, bottom]) =>
    columns.map(([left, right]) => {
      const tile = { left, top, right, bottom };
      return { turn, tile, longSide, trusted: LARGE, votes: true };
    }),
  );
}

/** Intervals in whole pixels of the photo, each of at most `room` network pixels, that cover `length` and overlap. */
function cover(length: number, scale: number, room: number): [from: number, to: number][] {
  if (Math.round(length * scale) <= room) return [[0, length]];
  // One network pixel less than there is room for, since both ends are rounded.
  const widest = Math.floor((room - 1) / scale);
  const overlap = Math.min(Math.ceil(OVERLAP / scale), Math.floor(widest / 2));
  const count = Math.ceil((length - overlap) / (widest - overlap));
  const width = Math.ceil((length - overlap) / count) + overlap;
  return Array.from({ length: count }, (_, index) => {
    const from = Math.round((index * (length - width)) / (count - 1));
    return [from, from + width];
  });
}

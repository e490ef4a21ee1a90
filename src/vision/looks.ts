import type { Box, Size } from './geometry.ts';
import { longSideOn } from './letterbox.ts';
import { type Turn, TURNS, turnedSize } from './turn.ts';

/** How hard faces are looked for: each level takes longer and misses less than the one before it. */
export const RECALL_LEVELS = ['fast', 'standard', 'high', 'max'] as const;
export type RecallLevel = (typeof RECALL_LEVELS)[number];

/** One run of the network: which part of the photo it sees, how large, and turned by how much. */
export interface Look {
  /** How far the photo is turned clockwise before the network sees it. */
  readonly turn: Turn;
  /** The part that is seen, in whole pixels of the turned photo. */
  readonly tile: Box;
  /** Long side of the whole photo in network pixels, at the scale of this look. */
  readonly longSide: number;
  /** Longer sides in network pixels of the faces that the look is good at. */
  readonly trusted: { readonly from: number; readonly to: number };
  /** Whether a face that this look misses is doubted. */
  readonly votes: boolean;
}

/** The looks at one photo, the largest first within a turn. */
export interface LookPlan {
  /** Always taken. */
  readonly looks: readonly Look[];
  /** For each other turn its looks. Those of the best turn are taken if the last of them, the smallest, finds more than the upright one. */
  readonly ifTurned: readonly (readonly Look[])[];
  /** Tiles of the photo at its own size. Each is taken if the looks before it find small faces there. */
  readonly ifCrowded: readonly Look[];
}

export interface PlanOptions {
  readonly recall: RecallLevel;
  /** Long side in network pixels of the usual look; ignored where the canvas is fixed. */
  readonly inputSize: number;
  /** Whether there is a small look for faces that fill much of the photo. */
  readonly largeFaces: boolean;
  /** The canvas of a network that takes no other; null: any canvas. */
  readonly fixedCanvas: Size | null;
}

/** Sizes of the looks beside the small one, in multiples of the usual size. */
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

/** How far a look may enlarge the photo: from some size on it would only cost time. */
const MOST_ENLARGED = { fast: Infinity, standard: 1, high: 1.9, max: 1.9 };
/** At the higher levels, the largest look shrinks the photo to no less than this: decoding at half the size is cheap. */
const LEAST_SHRUNK = 0.5;
/** From this many times the largest look on, the photo's own size is worth looks of its own. */
const WORTH_TILES = 1.25;
/** The largest canvas that ONNX Runtime's arena serves: beyond it, looks take more time and far more memory. */
const TILE = { width: 960, height: 960 };

/** Below this longer side in network pixels, no look finds a face. */
const UNSEEN = 4;
/** Below this one, most are missed. */
const SMALLEST_SEEN = 8;
const USUAL = { from: UNSEEN, to: Infinity };
/** Large looks raise more false alarms among large faces, which the usual look sees well. */
const LARGE = { from: UNSEEN, to: 100 };
/** Tiles overlap by twice the largest face that they are trusted with: beyond that they have no vote. */
const OVERLAP = 2 * LARGE.to;

/** Works out the looks from the photo's size alone. */
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
      return { looks: TURNS.flatMap((turn) => [...tilesIn(turn), ...looksIn(turn)]), ifTurned: [], ifCrowded: [] };
  }
}

/** Longer side in pixels of the photo of the smallest face that the looks can be expected to find. */
export function smallestFace(looks: readonly Look[], photo: Size): number {
  const longSide = Math.max(photo.width, photo.height);
  return Math.min(...looks.map((look) => (Math.max(look.trusted.from, SMALLEST_SEEN) * longSide) / look.longSide));
}

/** Looks of one size and turn. */
export interface LookCount {
  readonly longSide: number;
  readonly turn: Turn;
  /** How often the network ran: once for each tile of each frame. */
  readonly runs: number;
}

/** In the order in which they come. */
export function countLooks(looks: readonly Look[]): LookCount[] {
  return [...Map.groupBy(looks, ({ longSide, turn }) => `${longSide} ${turn}`).values()].map((group) => {
    const { longSide, turn } = group[0]!;
    return { longSide, turn, runs: group.length };
  });
}

function wholeLooks(photo: Size, turn: Turn, options: PlanOptions): Look[] {
  const [first, ...larger] = sizesOf(photo, options);
  const tile = { left: 0, top: 0, right: photo.width, bottom: photo.height };
  const small = SMALL_LOOK.scale[options.recall] * usualSize(photo, options);
  const trusted = { from: SMALL_LOOK.leastShare * small, to: Infinity };
  return [
    ...larger.reverse().flatMap((size) => looksAt(size, photo, turn, options)),
    { turn, tile, longSide: first, trusted: USUAL, votes: true },
    ...(options.largeFaces ? [{ turn, tile, longSide: small, trusted, votes: false }] : []),
  ];
}

/** Sizes of all looks but the small one, the smallest first. */
function sizesOf(photo: Size, options: PlanOptions): [number, ...number[]] {
  const { recall, fixedCanvas } = options;
  const longSide = Math.max(photo.width, photo.height);
  const usual = usualSize(photo, options);
  const scaled = SCALES[recall].map((scale) => scale * usual);
  const [first = usual, ...larger] = scaled.filter((size) => size <= MOST_ENLARGED[recall] * longSide);
  const half = LEAST_SHRUNK * longSide;
  const isLarge = larger.length > 0 && half > larger.at(-1)!;
  // The first look is for faces of any size, which no tile may cut: it has to fit a fixed canvas.
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

/** The whole photo at one size, in tiles where the canvas does not hold it. */
function looksAt(longSide: number, photo: Size, turn: Turn, { fixedCanvas }: PlanOptions): Look[] {
  const scale = longSide / Math.max(photo.width, photo.height);
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

import { type Box, type Size, union } from './geometry.ts';
import { connectedGroups, CoveredRows, inPhoto, type MaskShape, pixelBounds } from './mask.ts';
import type { Raster } from './raster.ts';

/** Pixels of the shorter side of a photo for each pixel of a line: lines look alike at all sizes when a photo fills a screen. */
const SIDE_PER_PIXEL = 700;
const WIDEST = 8;
/** Maximum width of a line as a share of the shorter side of what is masked, so that some of a small mask remains visible. */
const SHARE_OF_MASK = 1 / 8;

/** The costs of a step to the next pixel, straight and diagonal, approximate distances (Borgefors' chamfer 3-4). */
const STRAIGHT = 3;
const DIAGONAL = 4;
const WHITE = 255;
const BLACK = 0;

/**
 * Draws a white line along the inner edge of the masked areas, and a black one beside it, in place: one of them stands out on
 * any color. Shapes that overlap get one outline together. What is drawn depends on the shapes and the size of the photo only,
 * never on a pixel, and nothing is drawn outside the shapes.
 */
export function drawOutlines(photo: Raster, shapes: readonly MaskShape[]): void {
  for (const group of connectedGroups(inPhoto(shapes, photo))) drawOutline(photo, group);
}

function drawOutline(photo: Raster, shapes: readonly MaskShape[]): void {
  const { channels, data, width } = photo;
  const bounds = shapes.map((shape) => pixelBounds(shape, photo)).reduce(union);
  const { left, top, right, bottom } = bounds;
  const depths = new Depths(shapes, bounds, photo);
  const line = lineWidth(bounds, photo) * STRAIGHT;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const depth = depths.at(x, y);
      if (depth === 0 || depth > 2 * line) continue;
      const from = (y * width + x) * channels;
      data.fill(depth <= line ? WHITE : BLACK, from, from + 3);
      if (channels === 4) data[from + 3] = 255;
    }
  }
}

function lineWidth({ left, top, right, bottom }: Box, photo: Size): number {
  const usual = Math.round(Math.min(photo.width, photo.height) / SIDE_PER_PIXEL);
  const most = Math.floor(Math.min(right - left, bottom - top) * SHARE_OF_MASK);
  return Math.max(1, Math.min(usual, most, WIDEST));
}

/** How deep each pixel lies in the shapes: the cost of the way to the nearest pixel that none of them covers. */
class Depths {
  readonly #origin: number;
  readonly #stride: number;
  /** With a rim of zeros around the bounds, because nothing is covered beyond the photo. Clamped: far in, the depth does not matter. */
  readonly #costs: Uint8ClampedArray;

  constructor(shapes: readonly MaskShape[], { left, top, right, bottom }: Box, photo: Size) {
    this.#stride = right - left + 2;
    this.#origin = (1 - top) * this.#stride + 1 - left;
    this.#costs = new Uint8ClampedArray(this.#stride * (bottom - top + 2));
    const rows = new CoveredRows(shapes, photo);
    for (let y = top; y < bottom; y++) {
      for (const [from, to] of rows.spans(y)) this.#costs.fill(255, this.#indexOf(from, y), this.#indexOf(to, y));
    }
    const [first, last] = [this.#indexOf(left, top), this.#indexOf(right, bottom - 1) - 1];
    for (let at = first; at <= last; at++) this.#approach(at, -1);
    for (let at = last; at >= first; at--) this.#approach(at, 1);
  }

  at(x: number, y: number): number {
    return this.#costs[this.#indexOf(x, y)]!;
  }

  #indexOf(x: number, y: number): number {
    return this.#origin + y * this.#stride + x;
  }

  /** Lowers the cost of a pixel to that of a way through one of its neighbors on one side (−1: before it, 1: after it). */
  #approach(at: number, side: number): void {
    const costs = this.#costs;
    const row = at + side * this.#stride;
    costs[at] = Math.min(
      costs[at]!,
      costs[at + side]! + STRAIGHT,
      costs[row]! + STRAIGHT,
      costs[row - 1]! + DIAGONAL,
      costs[row + 1]! + DIAGONAL,
    );
  }
}

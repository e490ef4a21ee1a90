import type { Box } from './geometry.ts';
import type { Raster } from './raster.ts';

/**
 * A small picture of a window of the photo in which what is masked has been filled from its surroundings. Each cell
 * holds the photo's channels (0 to 255) and, as one more, how near the mask is: 1 inside, falling to 0 outside.
 */
export interface Fill {
  readonly window: Box;
  readonly cellSize: number;
  readonly columns: number;
  readonly rows: number;
  readonly channels: number;
  readonly cells: Float32Array;
}

interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly colors: Float32Array;
  readonly weights: Float32Array;
}

const MID_GREY = 128;

/**
 * Fills the masked pixels of a window by the push-pull pyramid (Gortler et al., "The Lumigraph", SIGGRAPH 1996):
 * averages of the visible pixels at ever coarser scales, then each hole takes the finest scale that has a value.
 * Masked pixels are never read: they enter neither a sum nor a weight.
 *
 * @param window whole pixels, inside the photo
 * @param covered one byte per pixel of the photo, not 0 where masked
 * @param cellSize pixels per side of a cell of the fill
 * @param smoothing how many of the finest scales are left out inside the mask
 */
export function fillFromSurroundings(
  photo: Raster,
  covered: Uint8Array,
  window: Box,
  cellSize: number,
  smoothing: number,
): Fill {
  const finest = averageVisible(photo, covered, window, cellSize);
  pushPull(finest, photo.channels, smoothing);
  return toFill(finest, finest.touched, photo.channels, window, cellSize);
}

/**
 * The window's pixels themselves, masked or not, under a Gaussian blur: repeated means, by the central limit theorem.
 * @param sigma in cells
 */
export function fillFromPixels(photo: Raster, covered: Uint8Array, window: Box, cellSize: number, sigma: number): Fill {
  const { touched } = averageVisible(photo, covered, window, cellSize);
  const averages = averageVisible(photo, new Uint8Array(covered.length), window, cellSize);
  const { columns, rows, colors } = averages;
  const { channels } = photo;
  // A mean of 3 has a variance of 2/3, and variances add up.
  const passes = Math.round(sigma ** 2 * 1.5);
  for (let channel = 0; channel < channels; channel++) {
    let plane = Float32Array.from({ length: columns * rows }, (_, cell) => colors[cell * channels + channel]!);
    for (let pass = 0; pass < passes; pass++) plane = mean3x3(plane, columns, rows);
    plane.forEach((value, cell) => {
      colors[cell * channels + channel] = value;
    });
  }
  return toFill(averages, touched, channels, window, cellSize);
}

/** The colours of a grid, with the nearness of the mask as one channel more. */
function toFill(
  { columns, rows, colors }: Grid,
  touched: Float32Array<ArrayBuffer>,
  of: number,
  window: Box,
  cellSize: number,
): Fill {
  const nearness = blurredMask(touched, columns, rows);
  const channels = of + 1;
  const cells = new Float32Array(columns * rows * channels);
  for (let cell = 0; cell < nearness.length; cell++) {
    cells.set(colors.subarray(cell * of, (cell + 1) * of), cell * channels);
    cells[cell * channels + of] = nearness[cell]!;
  }
  return { window, cellSize, columns, rows, channels, cells };
}

interface Averages extends Grid {
  /** 1 for cells with a masked pixel, else 0. */
  readonly touched: Float32Array<ArrayBuffer>;
}

/** Mean of the visible pixels of each cell, and the share of its pixels that are visible as its weight. */
function averageVisible(photo: Raster, covered: Uint8Array, window: Box, cellSize: number): Averages {
  const { channels, data, width } = photo;
  const columns = Math.ceil((window.right - window.left) / cellSize);
  const rows = Math.ceil((window.bottom - window.top) / cellSize);
  const colors = new Float32Array(columns * rows * channels);
  const weights = new Float32Array(columns * rows);
  const touched = new Float32Array(columns * rows);
  for (let row = 0, cell = 0; row < rows; row++) {
    const top = window.top + row * cellSize;
    const bottom = Math.min(top + cellSize, window.bottom);
    for (let column = 0; column < columns; column++, cell++) {
      const left = window.left + column * cellSize;
      const right = Math.min(left + cellSize, window.right);
      let visible = 0;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const pixel = y * width + x;
          if (covered[pixel] !== 0) continue;
          visible++;
          for (let c = 0; c < channels; c++) colors[cell * channels + c]! += data[pixel * channels + c]!;
        }
      }
      const area = (right - left) * (bottom - top);
      if (visible < area) touched[cell] = 1;
      if (visible === 0) continue;
      weights[cell] = visible / area;
      for (let c = 0; c < channels; c++) colors[cell * channels + c]! /= visible;
    }
  }
  return { columns, rows, colors, weights, touched };
}

/** Completes `grid.colors` in place. Weights below 1 are topped up from the coarser scale. */
function pushPull(grid: Grid, channels: number, smoothing: number): void {
  const { columns, rows, colors, weights } = grid;
  if (columns === 1 && rows === 1) {
    // Not one visible pixel in the window: the photo is all mask, and there is nothing to take a colour from.
    if (weights[0] === 0) colors.fill(MID_GREY);
    return;
  }
  const coarser = halve(grid, channels);
  pushPull(coarser, channels, smoothing - 1);
  const coarse = new Float32Array(channels);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const cell = row * columns + column;
      const weight = smoothing > 0 && weights[cell]! < 1 ? 0 : weights[cell]!;
      if (weight >= 1) continue;
      const { columns: coarseColumns, rows: coarseRows } = coarser;
      interpolate(coarser.colors, coarseColumns, coarseRows, channels, (column - 0.5) / 2, (row - 0.5) / 2, coarse);
      for (let c = 0; c < channels; c++) {
        const at = cell * channels + c;
        colors[at] = weight * colors[at]! + (1 - weight) * coarse[c]!;
      }
    }
  }
}

/** Four cells to one: colours by weight, and a full weight as soon as the four sum to that of one visible cell. */
function halve({ columns, rows, colors, weights }: Grid, channels: number): Grid {
  const half = { columns: Math.ceil(columns / 2), rows: Math.ceil(rows / 2) };
  const coarser: Grid = {
    ...half,
    colors: new Float32Array(half.columns * half.rows * channels),
    weights: new Float32Array(half.columns * half.rows),
  };
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = row * columns + column;
      const to = (row >> 1) * half.columns + (column >> 1);
      const weight = weights[from]!;
      coarser.weights[to]! += weight;
      for (let c = 0; c < channels; c++) coarser.colors[to * channels + c]! += weight * colors[from * channels + c]!;
    }
  }
  for (let cell = 0; cell < coarser.weights.length; cell++) {
    const weight = coarser.weights[cell]!;
    if (weight === 0) continue;
    for (let c = 0; c < channels; c++) coarser.colors[cell * channels + c]! /= weight;
    coarser.weights[cell] = Math.min(1, weight);
  }
  return coarser;
}

/** How near the mask is: 1 for cells that it touches, then two passes of a 3×3 mean. */
function blurredMask(touched: Float32Array<ArrayBuffer>, columns: number, rows: number): Float32Array {
  return mean3x3(mean3x3(touched, columns, rows), columns, rows);
}

/** So many cells from the mask its nearness has fallen to 0, interpolation included. */
export const NEARNESS_REACH_CELLS = 4;

function mean3x3(values: Float32Array<ArrayBuffer>, columns: number, rows: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let dy = -1; dy <= 1; dy++) {
        const y = clampIndex(row + dy, rows);
        for (let dx = -1; dx <= 1; dx++) sum += values[y * columns + clampIndex(column + dx, columns)]!;
      }
      result[row * columns + column] = sum / 9;
    }
  }
  return result;
}

function clampIndex(index: number, length: number): number {
  return Math.min(Math.max(index, 0), length - 1);
}

/**
 * Bilinear sample of all channels at fractional cell coordinates (0, 0 is the centre of the first cell), clamped at
 * the border, written to the start of `out`.
 */
function interpolate(
  cells: Float32Array,
  columns: number,
  rows: number,
  channels: number,
  x: number,
  y: number,
  out: Float32Array,
): void {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const fx = x - left;
  const fy = y - top;
  const column0 = clampIndex(left, columns) * channels;
  const column1 = clampIndex(left + 1, columns) * channels;
  const row0 = clampIndex(top, rows) * columns * channels;
  const row1 = clampIndex(top + 1, rows) * columns * channels;
  for (let c = 0; c < channels; c++) {
    const upper = cells[row0 + column0 + c]! * (1 - fx) + cells[row0 + column1 + c]! * fx;
    const lower = cells[row1 + column0 + c]! * (1 - fx) + cells[row1 + column1 + c]! * fx;
    out[c] = upper * (1 - fy) + lower * fy;
  }
}

/** The fill at a pixel's coordinates, between its cells: the photo's channels, then the nearness of the mask. */
export function sampleFill(fill: Fill, x: number, y: number, out: Float32Array): void {
  const { window, cellSize, columns, rows, channels, cells } = fill;
  const cellX = (x + 0.5 - window.left) / cellSize - 0.5;
  const cellY = (y + 0.5 - window.top) / cellSize - 0.5;
  interpolate(cells, columns, rows, channels, cellX, cellY, out);
}

/**
 * Samples the fill along rows of pixels: as sampleFill does one by one, but with the work in the vertical done once for
 * a row, and that in the horizontal once for all rows.
 */
export class FillRows {
  readonly #fill: Fill;
  readonly #between: Float32Array;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #share: Float32Array;

  constructor(fill: Fill) {
    const { window, cellSize, columns, channels } = fill;
    const width = window.right - window.left;
    this.#fill = fill;
    this.#between = new Float32Array(columns * channels);
    this.#left = new Int32Array(width);
    this.#right = new Int32Array(width);
    this.#share = new Float32Array(width);
    for (let x = 0; x < width; x++) {
      const cell = (x + 0.5) / cellSize - 0.5;
      const left = Math.floor(cell);
      this.#left[x] = clampIndex(left, columns) * channels;
      this.#right[x] = clampIndex(left + 1, columns) * channels;
      this.#share[x] = cell - left;
    }
  }

  /** @param out all channels of each pixel of row `y`, from column `from` to `to` (in pixels of the photo) */
  sample(y: number, from: number, to: number, out: Float32Array): void {
    const { window, cellSize, columns, rows, channels, cells } = this.#fill;
    const between = this.#between;
    const cellY = (y + 0.5 - window.top) / cellSize - 0.5;
    const top = Math.floor(cellY);
    const fy = cellY - top;
    const row0 = clampIndex(top, rows) * columns * channels;
    const row1 = clampIndex(top + 1, rows) * columns * channels;
    for (let at = 0; at < between.length; at++) between[at] = cells[row0 + at]! * (1 - fy) + cells[row1 + at]! * fy;

    const [lefts, rights, shares] = [this.#left, this.#right, this.#share];
    for (let x = from - window.left, at = 0; x < to - window.left; x++) {
      const left = lefts[x]!;
      const right = rights[x]!;
      const share = shares[x]!;
      for (let c = 0; c < channels; c++, at++) {
        const start = between[left + c]!;
        out[at] = start + share * (between[right + c]! - start);
      }
    }
  }
}

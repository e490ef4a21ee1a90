import type { Box } from './geometry.ts';
import type { CoveredRows } from './mask.ts';
import type { Raster } from './raster.ts';

/**
 * A small picture of a window of the photo, with masked pixels filled from their surroundings. Each cell has the channels
 * of the photo (0 to 255) and the nearness of the mask as one more: 1 inside, falling to 0 outside.
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

/** Maximum number of pixels that are sampled along the side of a cell. More would not visibly improve its mean. */
const SAMPLES = 4;

/**
 * Fills the masked pixels of a window by the push-pull pyramid (Gortler et al., "The Lumigraph", SIGGRAPH 1996):
 * averages of the visible pixels at ever coarser scales, then each hole takes the finest scale that has a value.
 * Masked pixels are never read: they are in no sum and no weight.
 *
 * @param window whole pixels, inside the photo
 * @param covered what is masked in the window
 * @param cellSize pixels per side of a cell of the fill
 * @param smoothing number of the finest scales that are not used inside the mask
 */
export function fillFromSurroundings(
  photo: Raster,
  covered: CoveredRows,
  window: Box,
  cellSize: number,
  smoothing: number,
): Fill {
  const finest = averageVisible(photo, covered, window, cellSize);
  const nearness = nearnessOf(finest);
  pushPull(finest, photo.channels, smoothing);
  return toFill(finest, nearness, photo.channels, window, cellSize);
}

/**
 * The window's pixels themselves, masked or not, under a Gaussian blur: repeated means, by the central limit theorem.
 * @param sigma in cells
 */
export function fillFromPixels(
  photo: Raster,
  covered: CoveredRows,
  window: Box,
  cellSize: number,
  sigma: number,
): Fill {
  const nearness = nearnessOf(averageVisible(photo, covered, window, cellSize));
  const averages = averageVisible(photo, null, window, cellSize);
  const { columns, rows, colors } = averages;
  const { channels } = photo;
  // A mean of 2 r + 1 values has a variance of (r² + r) / 3, and the variances of three add up.
  const radius = Math.max(1, Math.round((Math.sqrt(4 * sigma ** 2 + 1) - 1) / 2));
  const spare = new Float32Array(colors.length);
  for (let pass = 0; pass < 3; pass++) blur(colors, spare, columns, rows, channels, radius);
  return toFill(averages, nearness, channels, window, cellSize);
}

/** The colors of a grid with the nearness of the mask as an additional channel */
function toFill(
  { columns, rows, colors }: Grid,
  nearness: Float32Array,
  of: number,
  window: Box,
  cellSize: number,
): Fill {
  const channels = of + 1;
  const cells = new Float32Array(columns * rows * channels);
  for (let cell = 0, at = 0, from = 0; cell < nearness.length; cell++) {
    for (let c = 0; c < of; c++) cells[at++] = colors[from++]!;
    cells[at++] = nearness[cell]!;
  }
  return { window, cellSize, columns, rows, channels, cells };
}

/**
 * Mean of the visible pixels of each cell, and the share of its pixels that are visible as its weight.
 * @param covered null: all are visible
 */
function averageVisible(photo: Raster, covered: CoveredRows | null, window: Box, cellSize: number): Grid {
  const { channels, data, width } = photo;
  const columns = Math.ceil((window.right - window.left) / cellSize);
  const rows = Math.ceil((window.bottom - window.top) / cellSize);
  const colors = new Float32Array(columns * rows * channels);
  const weights = new Float32Array(columns * rows);
  const step = Math.ceil(cellSize / SAMPLES);
  const masked = covered?.inside ?? new Uint8Array(width);
  for (let row = 0; row < rows; row++) {
    const top = window.top + row * cellSize;
    const bottom = Math.min(top + cellSize, window.bottom);
    for (let y = top; y < bottom; y += step) {
      covered?.at(y);
      for (let column = 0, cell = row * columns; column < columns; column++, cell++) {
        const left = window.left + column * cellSize;
        const right = Math.min(left + cellSize, window.right);
        let red = 0;
        let green = 0;
        let blue = 0;
        let alpha = 0;
        let visible = 0;
        for (let x = left; x < right; x += step) {
          if (masked[x] !== 0) continue;
          visible++;
          const at = (y * width + x) * channels;
          red += data[at]!;
          green += data[at + 1]!;
          blue += data[at + 2]!;
          if (channels === 4) alpha += data[at + 3]!;
        }
        if (visible === 0) continue;
        weights[cell]! += visible;
        const at = cell * channels;
        colors[at]! += red;
        colors[at + 1]! += green;
        colors[at + 2]! += blue;
        if (channels === 4) colors[at + 3]! += alpha;
      }
    }
    const samplesDown = Math.ceil((bottom - top) / step);
    for (let column = 0, cell = row * columns; column < columns; column++, cell++) {
      const visible = weights[cell]!;
      if (visible === 0) continue;
      const across = Math.min(cellSize, window.right - window.left - column * cellSize);
      weights[cell] = visible / (samplesDown * Math.ceil(across / step));
      for (let c = 0; c < channels; c++) colors[cell * channels + c]! /= visible;
    }
  }
  return { columns, rows, colors, weights };
}

/** Completes `grid.colors` in place. Weights below 1 are topped up from the coarser scale. */
function pushPull(grid: Grid, channels: number, smoothing: number): void {
  const { columns, rows, colors, weights } = grid;
  if (columns === 1 && rows === 1) {
    // No visible pixel in the window: there is no color to use.
    if (weights[0] === 0) colors.fill(MID_GREY);
    return;
  }
  const coarser = halve(grid, channels);
  pushPull(coarser, channels, smoothing - 1);
  const between = new Float32Array(coarser.columns * channels);
  for (let row = 0, cell = 0; row < rows; row++) {
    blendRows(coarser.colors, coarser.columns * channels, coarser.rows, (row - 0.5) / 2, between);
    for (let column = 0; column < columns; column++, cell++) {
      const weight = smoothing > 0 && weights[cell]! < 1 ? 0 : weights[cell]!;
      if (weight >= 1) continue;
      const left = Math.max(0, (column - 1) >> 1) * channels;
      const right = Math.min(coarser.columns - 1, (column + 1) >> 1) * channels;
      // Two cells lie on one coarser one: a quarter of its size left and right of its middle.
      const share = column % 2 === 0 ? 0.75 : 0.25;
      for (let c = 0, at = cell * channels; c < channels; c++, at++) {
        const coarse = between[left + c]! * (1 - share) + between[right + c]! * share;
        colors[at] = weight * colors[at]! + (1 - weight) * coarse;
      }
    }
  }
}

/** Four cells to one: colors by weight, and a full weight as soon as the four sum to that of one visible cell. */
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
      const weight = weights[from]!;
      if (weight === 0) continue;
      const to = (row >> 1) * half.columns + (column >> 1);
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

/** Nearness of the mask: 1 for cells that it touches, then averaged twice over 3×3 cells. */
function nearnessOf({ columns, rows, weights }: Grid): Float32Array {
  const nearness = weights.map((weight) => (weight < 1 ? 1 : 0));
  const spare = new Float32Array(nearness.length);
  for (let pass = 0; pass < 2; pass++) blur(nearness, spare, columns, rows, 1, 1);
  return nearness;
}

/** Distance from the mask, in cells, at which the nearness is 0, including interpolation. */
export const NEARNESS_REACH_CELLS = 4;

/**
 * Replaces each value by the mean of a square that reaches `radius` cells in each direction. Cells beyond the border have
 * the values of the border.
 * @param spare as long as `values`; its content is overwritten
 */
function blur(
  values: Float32Array,
  spare: Float32Array,
  columns: number,
  rows: number,
  channels: number,
  radius: number,
): void {
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < channels; c++) blurLine(values, spare, row * columns * channels + c, channels, columns, radius);
  }
  const rowLength = columns * channels;
  for (let at = 0; at < rowLength; at++) blurLine(spare, values, at, rowLength, rows, radius);
}

/** One row or column: `count` values from `start` on, `step` apart. */
function blurLine(
  from: Float32Array,
  to: Float32Array,
  start: number,
  step: number,
  count: number,
  radius: number,
): void {
  const valueAt = (index: number) => from[start + clampIndex(index, count) * step]!;
  let sum = 0;
  for (let index = -radius; index <= radius; index++) sum += valueAt(index);
  for (let index = 0; index < count; index++) {
    to[start + index * step] = sum / (2 * radius + 1);
    sum += valueAt(index + radius + 1) - valueAt(index - radius);
  }
}

function clampIndex(index: number, length: number): number {
  return Math.min(Math.max(index, 0), length - 1);
}

/** The values between two rows of cells, at the fractional row `y` (0 is the middle of the first), to `out`. */
export function blendRows(cells: Float32Array, rowLength: number, rows: number, y: number, out: Float32Array): void {
  const top = Math.floor(y);
  const share = y - top;
  const upper = clampIndex(top, rows) * rowLength;
  const lower = clampIndex(top + 1, rows) * rowLength;
  for (let at = 0; at < rowLength; at++) out[at] = cells[upper + at]! * (1 - share) + cells[lower + at]! * share;
}

/** The fill at a pixel's coordinates, between its cells: the photo's channels, then the nearness of the mask. */
export function sampleFill(fill: Fill, x: number, y: number, out: Float32Array): void {
  const { window, cellSize, columns, rows, channels, cells } = fill;
  const cellX = (x + 0.5 - window.left) / cellSize - 0.5;
  const cellY = (y + 0.5 - window.top) / cellSize - 0.5;
  const column = Math.floor(cellX);
  const row = Math.floor(cellY);
  const shareX = cellX - column;
  const shareY = cellY - row;
  const left = clampIndex(column, columns) * channels;
  const right = clampIndex(column + 1, columns) * channels;
  const upper = clampIndex(row, rows) * columns * channels;
  const lower = clampIndex(row + 1, rows) * columns * channels;
  for (let c = 0; c < channels; c++) {
    const above = cells[upper + left + c]! * (1 - shareX) + cells[upper + right + c]! * shareX;
    const below = cells[lower + left + c]! * (1 - shareX) + cells[lower + right + c]! * shareX;
    out[c] = above * (1 - shareY) + below * shareY;
  }
}

import { FillBrush } from './fill-brush.ts';
import { type Fill, fillFromPixels, fillFromSurroundings, NEARNESS_REACH_CELLS, sampleFill } from './fill.ts';
import { type Box, boxArea, clipBox, type Size } from './geometry.ts';
import { connectedGroups, coverage, type MaskShape, pixelBounds, rowSpan } from './mask.ts';
import type { Raster } from './raster.ts';

/** Made from what surrounds the masks alone: there is nothing to undo. */
export const IRREVERSIBLE_METHODS = ['blur', 'pixelate', 'solid'] as const;
/** Made from the masked pixels, as is usual: learned restoration undoes much of it (McPherson et al., arXiv 1609.00408). */
export const REVERSIBLE_METHODS = ['gaussian', 'mosaic'] as const;
export type MaskMethod = (typeof IRREVERSIBLE_METHODS)[number] | (typeof REVERSIBLE_METHODS)[number];

export function isReversible(method: MaskMethod): boolean {
  return REVERSIBLE_METHODS.some((reversible) => reversible === method);
}

export interface MaskStyle {
  readonly method: MaskMethod;
  /** Red, green and blue of the method `solid`, 0 to 255. */
  readonly color: readonly [number, number, number];
  /** 0 to 1: how smooth the blur is, how few cells the mosaic has. */
  readonly strength: number;
}

/** A mosaic has at most this many cells across a face's short side, whatever the face's size. */
export const MAX_MOSAIC_CELLS = 6;

/** Cells of the fill across the smallest face of a group: enough for the rim's colours, too few for detail. */
const FILL_CELLS = 24;
/** Bounds memory where many faces touch: the fill of one group has at most about so many cells. */
const MAX_FILL_CELLS = 1_000_000;
/** How far around a face its surroundings are looked at, as a share of its size. */
const RIM = 0.25;
/** A wider blur is made on larger cells: its passes grow with the square of this. */
const MAX_SIGMA_CELLS = 8;

/** Sigma of `gaussian` as a share of the face's short side: at strength 0, and what strength 1 adds. */
const GAUSSIAN_SIGMA = { least: 0.08, more: 0.16 };

/**
 * Masks the shapes in the photo, in place. No pixel written depends on a pixel inside a shape: `solid` is a colour,
 * `blur` and `pixelate` are made from what surrounds the shapes. But for `gaussian` and `mosaic`, which are the usual
 * ones, made from the pixels inside.
 */
export function paintMask(photo: Raster, shapes: readonly MaskShape[], style: MaskStyle): void {
  if (style.method === 'solid') {
    for (const shape of shapes) paintColor(photo, shape, style.color);
    return;
  }
  const covered = coverage(shapes, photo);
  // All fills are computed before the first pixel is written: the rim of one group may lie in that of another.
  const fills = connectedGroups(shapes).map((group) => [group, fillGroup(photo, covered, group, style)] as const);
  for (const [group, fill] of fills) {
    if (style.method === 'blur' || style.method === 'gaussian') paintBlur(photo, covered, group, fill);
    else for (const shape of group) paintMosaic(photo, shape, fill, style.strength);
  }
}

function paintColor(photo: Raster, shape: MaskShape, color: MaskStyle['color']): void {
  const { channels, data, width } = photo;
  const bounds = pixelBounds(shape, photo);
  if (boxArea(bounds) === 0) return;
  const row = new Uint8Array((bounds.right - bounds.left) * channels);
  const pixel = channels === 4 ? [...color, 255] : color;
  for (let at = 0; at < row.length; at += channels) row.set(pixel, at);
  for (let y = bounds.top; y < bounds.bottom; y++) {
    const [from, to] = rowSpan(shape, y, photo);
    if (to > from) data.set(row.subarray(0, (to - from) * channels), (y * width + from) * channels);
  }
}

function fillGroup(photo: Raster, covered: Uint8Array, group: readonly MaskShape[], style: MaskStyle): Fill {
  const bounds = group.map((shape) => pixelBounds(shape, photo));
  const rim = Math.max(
    2,
    ...bounds.map((box) => Math.ceil(RIM * Math.max(box.right - box.left, box.bottom - box.top))),
  );
  const window = clipBox(
    {
      left: Math.min(...bounds.map((box) => box.left)) - rim,
      top: Math.min(...bounds.map((box) => box.top)) - rim,
      right: Math.max(...bounds.map((box) => box.right)) + rim,
      bottom: Math.max(...bounds.map((box) => box.bottom)) + rim,
    },
    photo,
  );
  const area = (window.right - window.left) * (window.bottom - window.top);
  // What lies outside the photo has no say in how fine the fill is: it may be of any size.
  const sides = group.map(({ box }) => shortSide(clipBox(box, photo)));
  const sigma = style.method === 'gaussian' ? gaussianSigma(Math.max(...sides), style.strength) : 0;
  const cellSize = Math.max(
    1,
    Math.floor(Math.min(...sides) / FILL_CELLS),
    Math.ceil(Math.sqrt(area / MAX_FILL_CELLS)),
    Math.ceil(sigma / MAX_SIGMA_CELLS),
  );
  switch (style.method) {
    case 'gaussian':
      return fillFromPixels(photo, covered, window, cellSize, sigma / cellSize);
    case 'mosaic':
      return fillFromPixels(photo, covered, window, cellSize, 1);
    case 'blur':
      return fillFromSurroundings(photo, covered, window, cellSize, Math.round(1 + 2 * style.strength));
    default:
      return fillFromSurroundings(photo, covered, window, cellSize, 0);
  }
}

/** @param largest short side of the group's largest face: none of them is blurred less than its size asks for */
function gaussianSigma(largest: number, strength: number): number {
  return largest * (GAUSSIAN_SIGMA.least + strength * GAUSSIAN_SIGMA.more);
}

function shortSide(box: Box): number {
  return Math.min(box.right - box.left, box.bottom - box.top);
}

/** The fill inside the group's shapes, and a soft seam around them, so that the blur has no visible edge. */
function paintBlur(photo: Raster, covered: Uint8Array, group: readonly MaskShape[], fill: Fill): void {
  const { window } = fill;
  const brush = new FillBrush(photo, covered, fill);
  const seam = NEARNESS_REACH_CELLS * fill.cellSize;
  for (let y = window.top; y < window.bottom; y++) {
    const [start, end] = rowSpanWithSeam(group, y, seam, photo);
    let x = Math.max(start, window.left);
    const last = Math.min(end, window.right);
    if (last <= x) continue;
    brush.moveTo(y);
    for (const [from, to] of maskedSpans(group, y, photo)) {
      brush.soften(x, from);
      brush.cover(Math.max(x, from), to);
      x = Math.max(x, to);
    }
    brush.soften(x, last);
  }
}

/** The columns of row `y` that lie in one of the shapes, from left to right; they may overlap. */
function maskedSpans(shapes: readonly MaskShape[], y: number, photo: Size): (readonly [from: number, to: number])[] {
  const spans = shapes.map((shape) => rowSpan(shape, y, photo)).filter(([from, to]) => to > from);
  return spans.sort(([one], [other]) => one - other);
}

/** The columns of row `y` that lie in one of the shapes or within `seam` pixels of it, and those between. */
function rowSpanWithSeam(
  shapes: readonly MaskShape[],
  y: number,
  seam: number,
  photo: Size,
): [from: number, to: number] {
  let [from, to] = [photo.width, 0];
  for (const shape of shapes) {
    const { top, bottom } = pixelBounds(shape, photo);
    if (y < top - seam || y >= bottom + seam) continue;
    // The shape is widest in the middle: what lies within the seam of row y is no wider than the row so much nearer it.
    const middle = Math.floor((shape.box.top + shape.box.bottom) / 2);
    const nearer = y < middle ? Math.min(y + seam, middle) : Math.max(y - seam, middle);
    const [left, right] = rowSpan(shape, Math.min(Math.max(nearer, top), bottom - 1), photo);
    if (right <= left) continue;
    from = Math.min(from, left - seam);
    to = Math.max(to, right + seam);
  }
  return [from, to];
}

/** Each cell of the mosaic has the colour that the fill has at the cell's centre. */
function paintMosaic(photo: Raster, shape: MaskShape, fill: Fill, strength: number): void {
  const { channels, data, width } = photo;
  const box = pixelBounds(shape, photo);
  const acrossShortSide = Math.max(1, Math.round(MAX_MOSAIC_CELLS * (1 - strength)));
  const cellSize = Math.max(1, shortSide(box) / acrossShortSide);
  const columns = Math.ceil((box.right - box.left) / cellSize);
  const rows = Math.ceil((box.bottom - box.top) / cellSize);
  const colors = mosaicColors(fill, box, cellSize, columns, rows);
  const pixels = new Uint8ClampedArray((box.right - box.left) * channels);
  for (let y = box.top, drawn = -1; y < box.bottom; y++) {
    const row = cellIndex(y, box.top, cellSize, rows);
    if (row !== drawn) {
      for (let x = box.left, at = 0; x < box.right; x++, at += channels) {
        const cell = (row * columns + cellIndex(x, box.left, cellSize, columns)) * channels;
        for (let c = 0; c < channels; c++) pixels[at + c] = colors[cell + c]!;
      }
      drawn = row;
    }
    const [from, to] = rowSpan(shape, y, photo);
    if (to <= from) continue;
    const [first, last] = [from - box.left, to - box.left];
    data.set(pixels.subarray(first * channels, last * channels), (y * width + from) * channels);
  }
}

/** The cell that a pixel's centre lies in; beyond the last whole one, the outermost cell. */
function cellIndex(pixel: number, start: number, cellSize: number, count: number): number {
  return Math.min(count - 1, Math.max(0, Math.floor((pixel + 0.5 - start) / cellSize)));
}

function mosaicColors(fill: Fill, box: Box, cellSize: number, columns: number, rows: number): Uint8ClampedArray {
  const channels = fill.channels - 1;
  const colors = new Uint8ClampedArray(columns * rows * channels);
  const sample = new Float32Array(fill.channels);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      sampleFill(fill, box.left + (column + 0.5) * cellSize - 0.5, box.top + (row + 0.5) * cellSize - 0.5, sample);
      for (let c = 0; c < channels; c++) colors[(row * columns + column) * channels + c] = sample[c]!;
    }
  }
  return colors;
}

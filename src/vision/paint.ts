import { FillBrush } from './fill-brush.ts';
import { type Fill, fillFromPixels, fillFromSurroundings, NEARNESS_REACH_CELLS, sampleFill } from './fill.ts';
import { type Box, boxArea, clipBox, overlap, type Size, union } from './geometry.ts';
import { connectedGroups, CoveredRows, inPhoto, type MaskShape, pixelBounds, rowSpan } from './mask.ts';
import { drawOutlines } from './outline.ts';
import type { Raster } from './raster.ts';

/** Computed only from the surroundings of the masks, so that nothing can be recovered. */
export const IRREVERSIBLE_METHODS = ['blur', 'pixelate', 'solid'] as const;
/** Computed from the masked pixels: learned restoration recovers much of them (McPherson et al., arXiv 1609.00408). */
export const REVERSIBLE_METHODS = ['gaussian', 'mosaic'] as const;
export type MaskMethod = (typeof IRREVERSIBLE_METHODS)[number] | (typeof REVERSIBLE_METHODS)[number];

export function isReversible(method: MaskMethod): boolean {
  return REVERSIBLE_METHODS.some((reversible) => reversible === method);
}

export interface MaskStyle {
  readonly method: MaskMethod;
  /** Red, green and blue for the method `solid`, 0 to 255. */
  readonly color: readonly [number, number, number];
  /** 0 to 1: smoothness of the blur, coarseness of the mosaic. */
  readonly strength: number;
  /** Draw an outline along the inner edge of the masks, so that everybody sees that something was removed. */
  readonly mark: boolean;
}

/** Maximum number of mosaic cells across the short side of a face of any size. */
export const MAX_MOSAIC_CELLS = 6;

/** Cells of the fill across the smallest face of a group: enough for the colors of the rim, too few for detail. */
const FILL_CELLS = 16;
/** Maximum number of cells of one fill and of all fills, to limit time and memory. */
const MAX_FILL_CELLS = { ofGroup: 1_000_000, together: 2_000_000 };
/** Width of the surroundings that are used for a face, as a share of its short side. */
const RIM = 0.25;
/** Sigma of `gaussian` as a share of the short side of the face: at strength 0, and the addition at strength 1. */
const GAUSSIAN_SIGMA = { least: 0.08, more: 0.16 };

/**
 * Masks the shapes in the photo, in place. With `solid`, `blur` and `pixelate`, no written pixel depends on a pixel inside a
 * shape. `gaussian` and `mosaic` are the usual methods, which use the pixels inside.
 */
export function paintMask(photo: Raster, shapes: readonly MaskShape[], style: MaskStyle): void {
  if (style.method === 'solid') paintColor(photo, shapes, style.color);
  else paintFills(photo, shapes, style);
  if (style.mark) drawOutlines(photo, shapes);
}

function paintFills(photo: Raster, shapes: readonly MaskShape[], style: MaskStyle): void {
  // All fills are computed before the first pixel is written, because the rims of two groups may overlap.
  const groups = connectedGroups(inPhoto(shapes, photo)).map((group) => groupOf(group, photo));
  const area = groups.reduce((sum, { window }) => sum + boxArea(window), 0);
  const leastCell = Math.ceil(Math.sqrt(area / MAX_FILL_CELLS.together));
  const fills = groups.map((group) => {
    const others = groups
      .filter((other) => other !== group && overlap(other.bounds, group.window))
      .flatMap((other) => other.shapes);
    return { group, others, fill: fillGroup(photo, group, others, leastCell, style) };
  });
  for (const { group, others, fill } of fills) {
    if (style.method === 'blur' || style.method === 'gaussian') paintBlur(photo, group.shapes, others, fill);
    else paintMosaics(photo, group.shapes, fill, style.strength);
  }
}

/** Shapes that are filled as one. */
interface Group {
  readonly shapes: readonly MaskShape[];
  readonly bounds: Box;
  /** What is looked at to fill them: their bounds and some of the surroundings. */
  readonly window: Box;
}

function paintColor(photo: Raster, shapes: readonly MaskShape[], color: MaskStyle['color']): void {
  const { channels, data, width } = photo;
  const pixel = channels === 4 ? [...color, 255] : color;
  const line = new Uint8Array(width * channels);
  for (let at = 0; at < line.length; at += channels) line.set(pixel, at);
  const rows = new CoveredRows(shapes, photo);
  for (let y = rows.top; y < rows.bottom; y++) {
    for (const [from, to] of rows.spans(y)) {
      data.set(line.subarray(0, (to - from) * channels), (y * width + from) * channels);
    }
  }
}

function groupOf(shapes: readonly MaskShape[], photo: Size): Group {
  const each = shapes.map((shape) => pixelBounds(shape, photo));
  const rim = each.reduce((most, box) => Math.max(most, Math.ceil(RIM * shortSide(box))), 2);
  const bounds = each.reduce(union);
  const { left, top, right, bottom } = bounds;
  const window = clipBox({ left: left - rim, top: top - rim, right: right + rim, bottom: bottom + rim }, photo);
  return { shapes, bounds, window };
}

/** @param others shapes of other groups in the window */
function fillGroup(
  photo: Raster,
  { shapes, window }: Group,
  others: readonly MaskShape[],
  leastCell: number,
  style: MaskStyle,
): Fill {
  // The cells of a Gaussian depend on the largest face: with cells of a small one, it would take too many passes.
  const measure = style.method === 'gaussian' ? largestSide(shapes, photo) : smallestSide(shapes, photo);
  const cellSize = Math.max(
    1,
    leastCell,
    Math.floor(measure / FILL_CELLS),
    Math.ceil(Math.sqrt(boxArea(window) / MAX_FILL_CELLS.ofGroup)),
  );
  const covered = new CoveredRows([...shapes, ...others], photo);
  switch (style.method) {
    case 'gaussian':
      return fillFromPixels(photo, covered, window, cellSize, gaussianSigma(shapes, photo, style.strength) / cellSize);
    case 'mosaic':
      return fillFromPixels(photo, covered, window, cellSize, 1);
    case 'blur':
      return fillFromSurroundings(photo, covered, window, cellSize, Math.round(1 + 2 * style.strength));
    default:
      return fillFromSurroundings(photo, covered, window, cellSize, 0);
  }
}

/** In pixels, for the largest face of the group, so that no face is blurred too little. */
function gaussianSigma(group: readonly MaskShape[], photo: Size, strength: number): number {
  return largestSide(group, photo) * (GAUSSIAN_SIGMA.least + strength * GAUSSIAN_SIGMA.more);
}

/** The longest short side of the shapes, clipped to the photo: outside, they may have any size. */
function largestSide(group: readonly MaskShape[], photo: Size): number {
  return group.reduce((most, { box }) => Math.max(most, shortSide(clipBox(box, photo))), 0);
}

function smallestSide(group: readonly MaskShape[], photo: Size): number {
  return group.reduce((least, { box }) => Math.min(least, shortSide(clipBox(box, photo))), Infinity);
}

function shortSide(box: Box): number {
  return Math.min(box.right - box.left, box.bottom - box.top);
}

/**
 * The fill inside the group's shapes, and a soft seam around them, so that the blur has no visible edge.
 * @param others shapes of other groups in the window: the seam does not change them
 */
function paintBlur(photo: Raster, shapes: readonly MaskShape[], others: readonly MaskShape[], fill: Fill): void {
  const { window } = fill;
  const rows = new CoveredRows(shapes, photo);
  const othersRows = new CoveredRows(others, photo);
  const brush = new FillBrush(photo, othersRows.inside, fill);
  const bounds = shapes.map((shape) => pixelBounds(shape, photo));
  const seam = NEARNESS_REACH_CELLS * fill.cellSize;
  for (let y = window.top; y < window.bottom; y++) {
    const [start, end] = rowSpanWithSeam(shapes, bounds, y, seam, photo);
    let x = Math.max(start, window.left);
    const last = Math.min(end, window.right);
    if (last <= x) continue;
    brush.moveTo(y);
    othersRows.at(y);
    for (const [from, to] of rows.spans(y)) {
      brush.soften(x, from);
      brush.cover(from, to);
      x = to;
    }
    brush.soften(x, last);
  }
}

/** The columns of row `y` that lie in one of the shapes or within `seam` pixels of it, and those between. */
function rowSpanWithSeam(
  shapes: readonly MaskShape[],
  bounds: readonly Box[],
  y: number,
  seam: number,
  photo: Size,
): [from: number, to: number] {
  let [from, to] = [photo.width, 0];
  for (const [index, shape] of shapes.entries()) {
    const { top, bottom } = bounds[index]!;
    if (y < top - seam || y >= bottom + seam) continue;
    // The shape is widest in the middle: the seam of row y is not wider than the row that is so much nearer to the middle.
    const middle = Math.floor((shape.box.top + shape.box.bottom) / 2);
    const nearer = y < middle ? Math.min(y + seam, middle) : Math.max(y - seam, middle);
    const [left, right] = rowSpan(shape, Math.min(Math.max(nearer, top), bottom - 1), photo);
    if (right <= left) continue;
    from = Math.min(from, left - seam);
    to = Math.max(to, right + seam);
  }
  return [from, to];
}

/** Each cell of a mosaic has the color of the fill at its center. If shapes overlap, the last one is visible. */
function paintMosaics(photo: Raster, group: readonly MaskShape[], fill: Fill, strength: number): void {
  const { channels, data, width } = photo;
  const mosaics = group.map((shape) => new Mosaic(shape, photo, fill, strength)).toReversed();
  const all = mosaics.map(({ box }) => box).reduce(union);
  const unpainted = new UnpaintedColumns(width);
  for (let y = all.top; y < all.bottom; y++) {
    unpainted.reset(all.left, all.right);
    for (const mosaic of mosaics) {
      const { shape, box } = mosaic;
      if (y < box.top || y >= box.bottom) continue;
      const [from, to] = rowSpan(shape, y, photo);
      const line = mosaic.lineAt(y);
      for (let x = unpainted.take(from, to); x < to; x = unpainted.take(x, to)) {
        const source = (x - box.left) * channels;
        const at = (y * width + x) * channels;
        for (let c = 0; c < channels; c++) data[at + c] = line[source + c]!;
      }
    }
  }
}

/** The columns of a row that are not painted yet. Runs of painted columns are skipped at once. */
class UnpaintedColumns {
  /** The column itself if it is unpainted, else one that is nearer to the next unpainted one. */
  readonly #next: Int32Array;

  constructor(width: number) {
    this.#next = new Int32Array(width + 1);
  }

  reset(from: number, to: number): void {
    for (let x = from; x <= to; x++) this.#next[x] = x;
  }

  /** Takes the first unpainted column from `from` on, which then counts as painted; `to` or more if there is none. */
  take(from: number, to: number): number {
    const next = this.#next;
    let x = from;
    while (next[x] !== x) x = next[x] = next[next[x]!]!;
    if (x < to) next[x] = x + 1;
    return x;
  }
}

/** The mosaic over the bounds of one shape. */
class Mosaic {
  readonly shape: MaskShape;
  /** The box that the cells divide. */
  readonly box: Box;
  readonly #cellSize: number;
  readonly #columns: number;
  readonly #rows: number;
  readonly #colors: Uint8ClampedArray;
  readonly #line: Uint8ClampedArray;
  #drawn = -1;

  constructor(shape: MaskShape, photo: Raster, fill: Fill, strength: number) {
    const box = pixelBounds(shape, photo);
    const acrossShortSide = Math.max(1, Math.round(MAX_MOSAIC_CELLS * (1 - strength)));
    this.shape = shape;
    this.box = box;
    this.#cellSize = Math.max(1, shortSide(box) / acrossShortSide);
    this.#columns = Math.ceil((box.right - box.left) / this.#cellSize);
    this.#rows = Math.ceil((box.bottom - box.top) / this.#cellSize);
    this.#colors = mosaicColors(fill, box, this.#cellSize, this.#columns, this.#rows);
    this.#line = new Uint8ClampedArray((box.right - box.left) * photo.channels);
  }

  /** The pixels of row `y`, from the left end of the bounds to the right. */
  lineAt(y: number): Uint8ClampedArray {
    const { left, right, top } = this.box;
    const row = cellIndex(y, top, this.#cellSize, this.#rows);
    if (row === this.#drawn) return this.#line;
    const channels = this.#line.length / (right - left);
    for (let x = left, at = 0; x < right; x++, at += channels) {
      const cell = (row * this.#columns + cellIndex(x, left, this.#cellSize, this.#columns)) * channels;
      for (let c = 0; c < channels; c++) this.#line[at + c] = this.#colors[cell + c]!;
    }
    this.#drawn = row;
    return this.#line;
  }
}

/** The cell with the center of a pixel; the outermost cell beyond the last complete one. */
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

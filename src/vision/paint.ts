import { type Fill, fillFromSurroundings, sampleFill } from './fill.ts';
import { type Box, clipBox } from './geometry.ts';
import { connectedGroups, coverage, type MaskShape, pixelBounds, rowSpan } from './mask.ts';
import type { Raster } from './raster.ts';

export interface MaskStyle {
  readonly method: 'blur' | 'pixelate' | 'solid';
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
/** Amplitude of the grain that keeps a smooth fill from looking like plastic. */
const GRAIN = 3;

/**
 * Masks the shapes in the photo, in place. No pixel written depends on a pixel inside a shape: `solid` is a colour,
 * `blur` and `pixelate` are made from what surrounds the shapes.
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
    if (style.method === 'blur') paintBlur(photo, covered, group, fill);
    else for (const shape of group) paintMosaic(photo, shape, fill, style.strength);
  }
}

function paintColor(photo: Raster, shape: MaskShape, color: MaskStyle['color']): void {
  const pixel = photo.channels === 4 ? [...color, 255] : color;
  forEachPixel(photo, shape, (at) => {
    photo.data.set(pixel, at);
  });
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
  const cellSize = Math.max(
    1,
    Math.floor(Math.min(...group.map(({ box }) => shortSide(box))) / FILL_CELLS),
    Math.ceil(Math.sqrt(area / MAX_FILL_CELLS)),
  );
  const smoothing = style.method === 'blur' ? Math.round(1 + 2 * style.strength) : 0;
  return fillFromSurroundings(photo, covered, window, cellSize, smoothing);
}

function shortSide(box: Box): number {
  return Math.min(box.right - box.left, box.bottom - box.top);
}

/** The fill inside the group's shapes, and a soft seam around them, so that the blur has no visible edge. */
function paintBlur(photo: Raster, covered: Uint8Array, group: readonly MaskShape[], fill: Fill): void {
  const { window } = fill;
  const { channels, data, width } = photo;
  const filled = new Float32Array(fill.channels);
  const inGroup = new Uint8Array(width);
  for (let y = window.top; y < window.bottom; y++) {
    inGroup.fill(0, window.left, window.right);
    for (const shape of group) inGroup.fill(1, ...rowSpan(shape, y, photo));
    for (let x = window.left; x < window.right; x++) {
      const pixel = y * width + x;
      const masked = inGroup[x] !== 0;
      if (!masked && covered[pixel] !== 0) continue;
      sampleFill(fill, x, y, filled);
      const share = masked ? 1 : smoothstep(Math.min(1, 2 * filled[channels]!));
      if (share <= 0) continue;
      const grain = GRAIN * grainAt(x, y);
      for (let c = 0; c < channels; c++) {
        const at = pixel * channels + c;
        const value = filled[c]! + (c < 3 ? grain : 0);
        data[at] = toByte(masked ? value : share * value + (1 - share) * data[at]!);
      }
    }
  }
}

function toByte(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)));
}

function smoothstep(t: number): number {
  return t * t * (3 - 2 * t);
}

/** Noise from −1 to 1 that depends on the position alone (an integer hash with good avalanche, as in PCG). */
function grainAt(x: number, y: number): number {
  let hash = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 0x7fffffff - 1;
}

/** Each cell of the mosaic has the colour that the fill has at the cell's centre. */
function paintMosaic(photo: Raster, shape: MaskShape, fill: Fill, strength: number): void {
  const { box } = shape;
  const cells = Math.max(1, Math.round(MAX_MOSAIC_CELLS * (1 - strength)));
  const size = shortSide(box) / cells;
  const color = new Float32Array(fill.channels);
  forEachPixel(photo, shape, (at, x, y) => {
    const cellX = box.left + (Math.floor((x + 0.5 - box.left) / size) + 0.5) * size;
    const cellY = box.top + (Math.floor((y + 0.5 - box.top) / size) + 0.5) * size;
    sampleFill(fill, cellX - 0.5, cellY - 0.5, color);
    for (let c = 0; c < photo.channels; c++) photo.data[at + c] = toByte(color[c]!);
  });
}

function forEachPixel(photo: Raster, shape: MaskShape, visit: (at: number, x: number, y: number) => void): void {
  const bounds = pixelBounds(shape, photo);
  for (let y = bounds.top; y < bounds.bottom; y++) {
    const [from, to] = rowSpan(shape, y, photo);
    for (let x = from; x < to; x++) visit((y * photo.width + x) * photo.channels, x, y);
  }
}

import { type BlockGrid, growToBlocks, growToSources } from './block-grid.ts';
import { type Box, boxArea, clipBox, iou, outward, overlap, type Point, type Size, union } from './geometry.ts';

export interface MaskShape {
  readonly kind: 'ellipse' | 'box';
  /** Bounds in pixels of the photo; may reach beyond it. */
  readonly box: Box;
  /** The shape covers all pixels to which this grid spreads its content. */
  readonly grid?: BlockGrid;
}

/** Grows the shapes to all pixels to which the coding of the source has spread their content. */
export function onGrid(shapes: readonly MaskShape[], grid: BlockGrid | 'lossless'): MaskShape[] {
  return shapes.map((shape) => (grid === 'lossless' ? shape : { ...shape, grid }));
}

/** A region of the request, in pixels of the upright photo. */
export interface CallerRegion extends Box {
  /** Faces whose center is inside stay visible; the region itself is not masked. */
  readonly keep?: boolean | undefined;
  /** With keep: the region is the box of a face, and only this face stays visible, none in front of it or behind it. */
  readonly isFace?: true;
  /** Absent: box */
  readonly shape?: 'ellipse' | 'box' | undefined;
  /** Number of the frame or page, from 0; absent: all of them. */
  readonly frame?: number | undefined;
}

export interface MaskOptions {
  readonly shape: 'ellipse' | 'box';
  /** Grows a face on each side by this share of its width and height. */
  readonly padding: number;
}

/** From this padding on, an ellipse contains the complete box. */
const HOLDS_BOX = (Math.SQRT2 - 1) / 2;

/** Shapes to mask: padded faces, except those that a region keeps, and the other regions without padding. */
export function planMask(faces: readonly Box[], regions: readonly CallerRegion[], options: MaskOptions): MaskShape[] {
  const added = regions.filter((region) => !region.keep);
  return [
    ...faces
      .filter((face) => !isKept(face, regions))
      .map((face) => ({ kind: options.shape, box: pad(face, options.padding) })),
    ...added.map(({ left, top, right, bottom, shape = 'box' }) => ({ kind: shape, box: { left, top, right, bottom } })),
  ];
}

/** The parts of a face that a mask has to hide */
export interface FaceToHide {
  readonly box: Box;
  readonly landmarks: readonly Point[] | null;
}

/** Shapes for faces that must be hidden completely, including landmarks outside the box, whatever the padding. */
export function planWholeMask(faces: readonly Box[], options: MaskOptions): MaskShape[] {
  const least = options.shape === 'ellipse' ? HOLDS_BOX : 0;
  return planMask(faces, [], { ...options, padding: Math.max(options.padding, least) });
}

/** The box of a face with the pixels of its landmarks, as far as they are in the photo. */
export function wholeFace({ box, landmarks }: FaceToHide, photo: Size): Box {
  const points = (landmarks ?? []).filter((point) => liesIn(point, photo));
  return {
    left: Math.min(box.left, ...points.map(({ x }) => Math.floor(x))),
    top: Math.min(box.top, ...points.map(({ y }) => Math.floor(y))),
    right: Math.max(box.right, ...points.map(({ x }) => Math.floor(x) + 1)),
    bottom: Math.max(box.bottom, ...points.map(({ y }) => Math.floor(y) + 1)),
  };
}

/** Minimum share of its box that is covered if a face counts as masked. */
export const COVERED = 0.95;

/**
 * Whether more than a rim of a face is visible: one of its landmarks, or more than a twentieth of its box.
 * @param covered one byte per pixel of the photo, as `coverage` gives it
 */
export function isBare({ box, landmarks }: FaceToHide, covered: Uint8Array, photo: Size): boolean {
  if (coveredShare(covered, box, photo) < COVERED) return true;
  return (landmarks ?? []).some(
    (point) => liesIn(point, photo) && covered[Math.floor(point.y) * photo.width + Math.floor(point.x)] === 0,
  );
}

function liesIn({ x, y }: Point, { width, height }: Size): boolean {
  return x >= 0 && y >= 0 && x < width && y < height;
}

/** The share of a box's pixels that are masked, 0 to 1. */
export function coveredShare(covered: Uint8Array, box: Box, { width }: Size): number {
  const { left, top, right, bottom } = outward(box);
  let inside = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) inside += covered[y * width + x]!;
  }
  return inside / ((right - left) * (bottom - top));
}

/** Boxes with a larger overlap (intersection over union) are of the same face. */
const SAME_FACE = 0.5;

/** Whether a region of the request keeps the face visible. */
export function isKept(face: Box, regions: readonly CallerRegion[]): boolean {
  return regions.some(
    (region) => region.keep && (region.isFace ? iou(region, face) > SAME_FACE : holdsCenter(region, face)),
  );
}

function holdsCenter(region: Box, face: Box): boolean {
  const x = (face.left + face.right) / 2;
  const y = (face.top + face.bottom) / 2;
  return x >= region.left && x <= region.right && y >= region.top && y <= region.bottom;
}

function pad(box: Box, share: number): Box {
  const x = (box.right - box.left) * share;
  const y = (box.bottom - box.top) * share;
  return { left: box.left - x, top: box.top - y, right: box.right + x, bottom: box.bottom + y };
}

/** Bounds of a shape in whole pixels, including blocks, not clipped to the photo. */
function outerBounds({ box, grid }: MaskShape): Box {
  const whole = outward(box);
  return grid ? growToBlocks(whole, grid) : whole;
}

/** Bounds of a shape in whole pixels, cut to the photo: every pixel that it covers lies inside. */
export function pixelBounds(shape: MaskShape, photo: Size): Box {
  // Not by the area, which is 0 if the sides are too short to be multiplied.
  const { left, top, right, bottom } = clipBox(shape.box, photo);
  return clipBox(right > left && bottom > top ? outerBounds(shape) : shape.box, photo);
}

/** The shapes that are at least partly in the photo. */
export function inPhoto(shapes: readonly MaskShape[], photo: Size): MaskShape[] {
  return shapes.filter((shape) => boxArea(pixelBounds(shape, photo)) > 0);
}

/** First and last+1 column that `shape` covers in row `y`, in whole pixels; an empty span if it covers none. */
export function rowSpan(shape: MaskShape, y: number, photo: Size): readonly [from: number, to: number] {
  const { grid, ...core } = shape;
  if (!grid) return coreSpan(core, y, photo);
  // Of all rows that reach this one, the one nearest to the middle of the shape is the widest.
  const { top, bottom } = growToSources({ left: 0, top: y, right: 1, bottom: y + 1 }, grid);
  const middle = Math.floor((shape.box.top + shape.box.bottom) / 2);
  const widest = Math.min(Math.max(middle, top, 0), bottom - 1, photo.height - 1);
  const [from, to] = coreSpan(core, widest, photo);
  if (to <= from) return [0, 0];
  const { left, right } = growToBlocks({ left: from, top: y, right: to, bottom: y + 1 }, grid);
  return [Math.max(0, left), Math.min(photo.width, right)];
}

/** Half a pixel's diagonal: added to a radius, a pixel counts as soon as the shape touches it. */
const HALF_DIAGONAL = Math.SQRT1_2;

/** The row of a shape without the blocks around it. */
function coreSpan(shape: MaskShape, y: number, photo: Size): readonly [from: number, to: number] {
  const bounds = pixelBounds(shape, photo);
  if (y < bounds.top || y >= bounds.bottom) return [0, 0];
  if (shape.kind === 'box') return [bounds.left, bounds.right];
  const { left, top, right, bottom } = shape.box;
  const radiusX = (right - left) / 2 + HALF_DIAGONAL;
  const radiusY = (bottom - top) / 2 + HALF_DIAGONAL;
  const dy = (y + 0.5 - (top + bottom) / 2) / radiusY;
  const half = radiusX * Math.sqrt(Math.max(0, 1 - dy * dy));
  const center = (left + right) / 2;
  const from = Math.max(bounds.left, Math.ceil(center - half - 0.5));
  const to = Math.min(bounds.right, Math.floor(center + half - 0.5) + 1);
  return from < to ? [from, to] : [0, 0];
}

/**
 * The pixels that the shapes cover, row by row. The time per pixel does not depend on the number of shapes, because only the
 * two ends of a row are recorded for each shape.
 */
export class CoveredRows {
  /** The first covered row, and the one after the last. */
  readonly top: number;
  readonly bottom: number;
  /** One byte per column of the current row: 1 if it is covered, else 0. */
  readonly inside: Uint8Array;
  readonly #photo: Size;
  readonly #shapes: readonly { readonly shape: MaskShape; readonly bounds: Box }[];
  /** How many more shapes cover a column than the one before it. */
  readonly #steps: Int32Array;
  /** The columns of the row looked at last that may be covered. */
  #span: readonly [from: number, to: number] = [0, 0];

  constructor(shapes: readonly MaskShape[], photo: Size) {
    this.#photo = photo;
    this.#shapes = inPhoto(shapes, photo).map((shape) => ({ shape, bounds: pixelBounds(shape, photo) }));
    this.#steps = new Int32Array(photo.width + 1);
    this.inside = new Uint8Array(photo.width);
    this.top = this.#shapes.reduce((top, { bounds }) => Math.min(top, bounds.top), photo.height);
    this.bottom = this.#shapes.reduce((bottom, { bounds }) => Math.max(bottom, bounds.bottom), 0);
  }

  /** Moves to row `y` and sets `inside`. Columns outside `from` to `to` are not covered. */
  at(y: number): readonly [from: number, to: number] {
    const [from, to] = this.#span;
    this.inside.fill(0, from, to);
    this.#span = this.#lookAt(y);
    return this.#span;
  }

  #lookAt(y: number): readonly [from: number, to: number] {
    const steps = this.#steps;
    let [first, end] = [this.#photo.width, 0];
    for (const { shape, bounds } of this.#shapes) {
      if (y < bounds.top || y >= bounds.bottom) continue;
      // Every row of a box, grown to blocks or not, is as wide as its bounds.
      const [from, to] = shape.kind === 'box' ? [bounds.left, bounds.right] : rowSpan(shape, y, this.#photo);
      if (to <= from) continue;
      steps[from]!++;
      steps[to]!--;
      first = Math.min(first, from);
      end = Math.max(end, to);
    }
    if (end <= first) return [0, 0];
    for (let x = first, depth = 0; x < end; x++) {
      depth += steps[x]!;
      this.inside[x] = depth > 0 ? 1 : 0;
    }
    steps.fill(0, first, end + 1);
    return [first, end];
  }

  /** Covered spans of row `y`, from left to right; they do not touch. */
  spans(y: number): [from: number, to: number][] {
    const [first, end] = this.at(y);
    const spans: [number, number][] = [];
    for (let from = first; from < end;) {
      const gap = this.inside.indexOf(0, from);
      const to = gap < 0 ? end : Math.min(gap, end);
      spans.push([from, to]);
      const next = this.inside.indexOf(1, to);
      from = next < 0 ? end : next;
    }
    return spans;
  }
}

/** One byte per pixel of the photo, 1 if it is covered. */
export function coverage(shapes: readonly MaskShape[], photo: Size): Uint8Array {
  const covered = new Uint8Array(photo.width * photo.height);
  const rows = new CoveredRows(shapes, photo);
  for (let y = rows.top; y < rows.bottom; y++) {
    const [from, to] = rows.at(y);
    covered.set(rows.inside.subarray(from, to), y * photo.width + from);
  }
  return covered;
}

/**
 * Groups of shapes whose bounds meet, directly or through others. A group is filled as one, so that no seam is visible. The
 * bounds of two groups do not meet, so that each pixel belongs to at most one group.
 */
export function connectedGroups(shapes: readonly MaskShape[]): MaskShape[][] {
  const groups: Group[] = [];
  for (const shape of shapes) {
    let group: Group = { bounds: extent(shape), shapes: [shape] };
    for (;;) {
      const { bounds } = group;
      const touching = groups.filter((other) => overlap(other.bounds, bounds));
      if (touching.length === 0) break;
      for (const other of touching) groups.splice(groups.indexOf(other), 1);
      group = {
        bounds: touching.map((other) => other.bounds).reduce(union, bounds),
        shapes: [...touching.flatMap((other) => other.shapes), ...group.shapes],
      };
    }
    groups.push(group);
  }
  return groups.map((group) => group.shapes);
}

interface Group {
  readonly bounds: Box;
  readonly shapes: MaskShape[];
}

function extent(shape: MaskShape): Box {
  return shape.grid ? outerBounds(shape) : shape.box;
}

import { type BlockGrid, growToBlocks } from './block-grid.ts';
import { type Box, boxArea, clipBox, intersection, type Point, type Size } from './geometry.ts';

export interface MaskShape {
  readonly kind: 'ellipse' | 'box';
  /** Bounds in pixels of the photo; may reach beyond it. */
  readonly box: Box;
  /** The shape covers every block of this grid that it touches, and those within the grid's reach. */
  readonly grid?: BlockGrid;
}

/** The same shapes, grown to the blocks of a grid. */
export function onGrid(shapes: readonly MaskShape[], grid: BlockGrid | null): MaskShape[] {
  return shapes.map((shape) => (grid === null ? shape : { ...shape, grid }));
}

/** A region that the caller names, in pixels of the upright photo. */
export interface CallerRegion extends Box {
  /** Faces whose centre lies inside stay visible, instead of the region being masked. */
  readonly keep?: boolean | undefined;
}

export interface MaskOptions {
  readonly shape: 'ellipse' | 'box';
  /** Grows a face on each side by this share of its width and height. */
  readonly padding: number;
}

/** From this padding on, an ellipse holds the whole box. */
const HOLDS_BOX = (Math.SQRT2 - 1) / 2;

/** What to mask: the faces, padded, without those the caller keeps, and the caller's regions, whole and unpadded. */
export function planMask(faces: readonly Box[], regions: readonly CallerRegion[], options: MaskOptions): MaskShape[] {
  const added = regions.filter((region) => !region.keep);
  return [
    ...faces
      .filter((face) => !isKept(face, regions))
      .map((face) => ({ kind: options.shape, box: pad(face, options.padding) })),
    ...added.map(({ left, top, right, bottom }) => ({ kind: 'box' as const, box: { left, top, right, bottom } })),
  ];
}

/** A face as far as a mask has to hide it. */
export interface FaceToHide {
  readonly box: Box;
  readonly landmarks: readonly Point[] | null;
}

/** The same for faces that have to be hidden whole, whatever padding is asked for, landmarks beside the box included. */
export function planWholeMask(faces: readonly Box[], options: MaskOptions): MaskShape[] {
  const least = options.shape === 'ellipse' ? HOLDS_BOX : 0;
  return planMask(faces, [], { ...options, padding: Math.max(options.padding, least) });
}

/** The box of a face, with the pixels of its landmarks, so far as they lie in the photo. */
export function wholeFace({ box, landmarks }: FaceToHide, photo: Size): Box {
  const points = (landmarks ?? []).filter((point) => liesIn(point, photo));
  return {
    left: Math.min(box.left, ...points.map(({ x }) => Math.floor(x))),
    top: Math.min(box.top, ...points.map(({ y }) => Math.floor(y))),
    right: Math.max(box.right, ...points.map(({ x }) => Math.floor(x) + 1)),
    bottom: Math.max(box.bottom, ...points.map(({ y }) => Math.floor(y) + 1)),
  };
}

/** At least this share of its box is covered of a face that counts as masked. */
const COVERED = 0.95;

/**
 * Whether more is to be seen of a face than a rim: one of its landmarks, or more than a twentieth of its box.
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

/** Whether the caller wants a face to stay visible. */
export function isKept(face: Box, regions: readonly CallerRegion[]): boolean {
  return regions.some((region) => region.keep && holdsCentre(region, face));
}

function holdsCentre(region: Box, face: Box): boolean {
  const x = (face.left + face.right) / 2;
  const y = (face.top + face.bottom) / 2;
  return x >= region.left && x <= region.right && y >= region.top && y <= region.bottom;
}

function pad(box: Box, share: number): Box {
  const x = (box.right - box.left) * share;
  const y = (box.bottom - box.top) * share;
  return { left: box.left - x, top: box.top - y, right: box.right + x, bottom: box.bottom + y };
}

/** What a shape reaches to in whole pixels, blocks included, beyond the photo as well. */
export function outerBounds({ box, grid }: MaskShape): Box {
  const whole = outward(box);
  return grid ? growToBlocks(whole, grid) : whole;
}

/** The whole pixels that a box touches. */
function outward({ left, top, right, bottom }: Box): Box {
  return { left: Math.floor(left), top: Math.floor(top), right: Math.ceil(right), bottom: Math.ceil(bottom) };
}

/** Bounds of a shape in whole pixels, cut to the photo: every pixel that it covers lies inside. */
export function pixelBounds(shape: MaskShape, photo: Size): Box {
  const inside = boxArea(clipBox(shape.box, photo)) > 0;
  return clipBox(inside ? outerBounds(shape) : shape.box, photo);
}

/** First and last+1 column that `shape` covers in row `y`, in whole pixels; an empty span where it covers none. */
export function rowSpan(shape: MaskShape, y: number, photo: Size): readonly [from: number, to: number] {
  const { grid, ...core } = shape;
  if (!grid) return coreSpan(core, y, photo);
  // Of all rows whose blocks reach this one, that nearest the shape's middle is the widest.
  const { top, bottom } = growToBlocks({ left: 0, top: y, right: 1, bottom: y + 1 }, grid);
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
  const centre = (left + right) / 2;
  const from = Math.max(bounds.left, Math.ceil(centre - half - 0.5));
  const to = Math.min(bounds.right, Math.floor(centre + half - 0.5) + 1);
  return from < to ? [from, to] : [0, 0];
}

/** One byte per pixel of the photo, 1 where any shape lies. */
export function coverage(shapes: readonly MaskShape[], photo: Size): Uint8Array {
  const covered = new Uint8Array(photo.width * photo.height);
  for (const shape of shapes) {
    const bounds = pixelBounds(shape, photo);
    for (let y = bounds.top; y < bounds.bottom; y++) {
      const [from, to] = rowSpan(shape, y, photo);
      if (to > from) covered.fill(1, y * photo.width + from, y * photo.width + to);
    }
  }
  return covered;
}

/** Shapes whose bounds meet, directly or through others: they are filled as one, so that no seam shows. */
export function connectedGroups(shapes: readonly MaskShape[]): MaskShape[][] {
  const groups: MaskShape[][] = [];
  for (const shape of shapes) {
    const touching = groups.filter((group) =>
      group.some((other) => boxArea(intersection(extent(other), extent(shape))) > 0),
    );
    const merged = [...touching.flat(), shape];
    for (const group of touching) groups.splice(groups.indexOf(group), 1);
    groups.push(merged);
  }
  return groups;
}

function extent(shape: MaskShape): Box {
  return shape.grid ? outerBounds(shape) : shape.box;
}

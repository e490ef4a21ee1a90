/** Axis-aligned rectangle; `right` and `bottom` lie just outside, so that width = right − left. Any unit. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** 0 for an empty box, even if its other side is infinite. */
export function boxArea({ left, top, right, bottom }: Box): number {
  return right > left && bottom > top ? (right - left) * (bottom - top) : 0;
}

/** Whether they share more than an edge. Not by their area: that of two very thin boxes can round to 0. */
export function overlap(a: Box, b: Box): boolean {
  const { left, top, right, bottom } = intersection(a, b);
  return right > left && bottom > top;
}

export function longerSide({ left, top, right, bottom }: Box): number {
  return Math.max(right - left, bottom - top);
}

/** Moves each side outward by `distance`. */
export function grow({ left, top, right, bottom }: Box, distance: number): Box {
  return { left: left - distance, top: top - distance, right: right + distance, bottom: bottom + distance };
}

/** All whole pixels that a box touches. */
export function outward({ left, top, right, bottom }: Box): Box {
  return { left: Math.floor(left), top: Math.floor(top), right: Math.ceil(right), bottom: Math.ceil(bottom) };
}

export function intersection(a: Box, b: Box): Box {
  return {
    left: Math.max(a.left, b.left),
    top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right),
    bottom: Math.min(a.bottom, b.bottom),
  };
}

/** The smallest box that contains both. */
export function union(a: Box, b: Box): Box {
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

/** Intersection over union, 0 to 1; 0 if both are empty. It allocates nothing, because it is called for each pair of candidates. */
export function iou(a: Box, b: Box): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  const covered = boxArea(a) + boxArea(b) - shared;
  return covered > 0 ? shared / covered : 0;
}

export function clipBox(box: Box, size: Size): Box {
  const clamp = (value: number, max: number) => Math.min(Math.max(value, 0), max);
  return {
    left: clamp(box.left, size.width),
    top: clamp(box.top, size.height),
    right: clamp(box.right, size.width),
    bottom: clamp(box.bottom, size.height),
  };
}

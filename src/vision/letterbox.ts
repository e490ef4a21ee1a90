import type { Size } from './geometry.ts';

/** The networks' largest stride: a canvas side must be a multiple of it. */
export const CANVAS_MULTIPLE = 32;
/** Maximum side of a canvas. Memory is proportional to its area. */
export const LARGEST_INPUT_SIZE = 4096;

/** The smallest canvas that holds so many pixels. */
export function canvasFor({ width, height }: Size): Size {
  const roundUp = (pixels: number) => Math.ceil(pixels / CANVAS_MULTIPLE) * CANVAS_MULTIPLE;
  return { width: roundUp(width), height: roundUp(height) };
}

/** The largest long side at which the photo fits a canvas. */
export function longSideOn(photo: Size, canvas: Size): number {
  return Math.max(photo.width, photo.height) * Math.min(canvas.width / photo.width, canvas.height / photo.height);
}

/** Network pixels per pixel of the photo with its long side at `longSide`. */
export function scaleAt({ width, height }: Size, longSide: number): number {
  return longSide / Math.max(width, height);
}

/** The photo's size in whole pixels with its long side at `longSide`. */
export function sizeAt(photo: Size, longSide: number): Size {
  const scale = scaleAt(photo, longSide);
  return { width: Math.max(1, Math.round(photo.width * scale)), height: Math.max(1, Math.round(photo.height * scale)) };
}

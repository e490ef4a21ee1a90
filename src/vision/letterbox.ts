import type { Size } from './geometry.ts';

/** The networks' largest stride: a canvas side must be a multiple of it. */
export const CANVAS_MULTIPLE = 32;
/** Longest side of a canvas that anybody may ask for. Memory goes with a canvas's area. */
export const LARGEST_INPUT_SIZE = 4096;

/**
 * How a photo lies on the network's canvas: scaled without distortion, at the top left, the rest empty.
 * A source coordinate times `scaleX` (`scaleY`) gives the canvas coordinate. The two differ by the rounding of the
 * content to whole pixels.
 */
export interface Letterbox {
  readonly content: Size;
  readonly canvas: Size;
  readonly scaleX: number;
  readonly scaleY: number;
}

/** For a network of any input size: the smallest canvas that holds the photo with its long side at `longSide`. */
export function fitToLongSide(photo: Size, longSide: number): Letterbox {
  const scale = longSide / Math.max(photo.width, photo.height);
  const content = scaled(photo, scale);
  const roundUp = (pixels: number) => Math.ceil(pixels / CANVAS_MULTIPLE) * CANVAS_MULTIPLE;
  return placed(photo, content, { width: roundUp(content.width), height: roundUp(content.height) });
}

/**
 * For a network of one fixed input size.
 * @param share of the canvas, 0 to 1, that the photo takes at most
 */
export function fitToCanvas(photo: Size, canvas: Size, share = 1): Letterbox {
  const scale = share * Math.min(canvas.width / photo.width, canvas.height / photo.height);
  return placed(photo, scaled(photo, scale), canvas);
}

function scaled(photo: Size, scale: number): Size {
  return {
    width: Math.max(1, Math.round(photo.width * scale)),
    height: Math.max(1, Math.round(photo.height * scale)),
  };
}

function placed(photo: Size, content: Size, canvas: Size): Letterbox {
  return { content, canvas, scaleX: content.width / photo.width, scaleY: content.height / photo.height };
}

import sharp from 'sharp';
import type { z } from 'zod';
import type { detectionSchema } from '../../src/inference/schemas.ts';
import type { Box as DrawnBox, DrawnFace } from '../fixtures/portraits.ts';

/** Comparing pictures and boxes, in plain numbers. */

export type Box = z.infer<typeof detectionSchema>['faces'][number]['box'];

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** RGB. */
  readonly data: Buffer;
}

/** The upright picture. */
export async function decode(image: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharp(image)
    .autoOrient()
    .removeAlpha()
    .toColorspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

export function asBox([left, top, right, bottom]: DrawnBox): Box {
  return { left, top, right, bottom };
}

/** The box moved outward by a share of its size (inward where negative). */
export function grow({ left, top, right, bottom }: Box, share: number): Box {
  const x = (right - left) * share;
  const y = (bottom - top) * share;
  return { left: left - x, top: top - y, right: right + x, bottom: bottom + y };
}

/** Intersection over union. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const area = (box: Box) => (box.right - box.left) * (box.bottom - box.top);
  return (width * height) / (area(a) + area(b) - width * height);
}

/** How many of the drawn faces were found, each by a face of its own. */
export function foundOf(
  drawn: readonly DrawnFace[],
  faces: readonly { readonly box: Box }[],
  leastOverlap = 0.4,
): number {
  const left = [...faces];
  return drawn.filter((face) => {
    const at = left.findIndex(({ box }) => overlap(box, asBox(face.box)) >= leastOverlap);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  }).length;
}

function within(box: Box, x: number, y: number): boolean {
  return x >= box.left && x < box.right && y >= box.top && y < box.bottom;
}

/** Mean difference per channel of the pixels that `counts` picks. */
export function difference(a: Pixels, b: Pixels, counts: (x: number, y: number) => boolean): number {
  if (a.width !== b.width || a.height !== b.height) {
    throw new Error(`${a.width} × ${a.height} pixels beside ${b.width} × ${b.height}`);
  }
  let sum = 0;
  let samples = 0;
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      if (!counts(x, y)) continue;
      for (let c = 0; c < 3; c++) {
        const at = (y * a.width + x) * 3 + c;
        sum += Math.abs(a.data[at]! - b.data[at]!);
        samples++;
      }
    }
  }
  if (samples === 0) throw new Error('no pixel was compared');
  return sum / samples;
}

export function differenceInside(a: Pixels, b: Pixels, box: Box): number {
  return difference(a, b, (x, y) => within(box, x, y));
}

/** Which share of the pixels in the box is not the same in both, 0 to 1. */
export function shareChanged(a: Pixels, b: Pixels, box: Box): number {
  let [changed, pixels] = [0, 0];
  for (let y = Math.ceil(box.top); y < box.bottom; y++) {
    for (let x = Math.ceil(box.left); x < box.right; x++, pixels++) {
      const at = (y * a.width + x) * 3;
      if ([0, 1, 2].some((channel) => a.data[at + channel] !== b.data[at + channel])) changed++;
    }
  }
  return changed / pixels;
}

export function differenceOutside(a: Pixels, b: Pixels, boxes: readonly Box[]): number {
  return difference(a, b, (x, y) => !boxes.some((box) => within(box, x, y)));
}

/** Standard deviation of the brightness inside a box: how much there is to see. */
export function contrast({ data, width }: Pixels, box: Box): number {
  const values: number[] = [];
  for (let y = Math.ceil(box.top); y < box.bottom; y++) {
    for (let x = Math.ceil(box.left); x < box.right; x++) {
      const at = (y * width + x) * 3;
      values.push((data[at]! + data[at + 1]! + data[at + 2]!) / 3);
    }
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

const SSIM_WINDOW = 8;

/**
 * Structural similarity of the brightness (Wang et al. 2004), 1 where the pictures are the same: the mean over windows
 * of 8×8 pixels, every 4 pixels.
 */
export function structuralSimilarity(a: Pixels, b: Pixels): number {
  if (a.width !== b.width || a.height !== b.height) {
    throw new Error(`${a.width} × ${a.height} pixels beside ${b.width} × ${b.height}`);
  }
  const [one, other] = [brightness(a), brightness(b)];
  let sum = 0;
  let windows = 0;
  for (let top = 0; top + SSIM_WINDOW <= a.height; top += SSIM_WINDOW / 2) {
    for (let left = 0; left + SSIM_WINDOW <= a.width; left += SSIM_WINDOW / 2) {
      sum += windowSimilarity(one, other, top * a.width + left, a.width);
      windows++;
    }
  }
  return sum / windows;
}

function windowSimilarity(a: Float64Array, b: Float64Array, start: number, width: number): number {
  const count = SSIM_WINDOW ** 2;
  let [sumA, sumB, squaresA, squaresB, products] = [0, 0, 0, 0, 0];
  for (let y = 0; y < SSIM_WINDOW; y++) {
    for (let at = start + y * width, end = at + SSIM_WINDOW; at < end; at++) {
      sumA += a[at]!;
      sumB += b[at]!;
      squaresA += a[at]! ** 2;
      squaresB += b[at]! ** 2;
      products += a[at]! * b[at]!;
    }
  }
  const [meanA, meanB] = [sumA / count, sumB / count];
  const [varianceA, varianceB] = [squaresA / count - meanA ** 2, squaresB / count - meanB ** 2];
  const covariance = products / count - meanA * meanB;
  const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
  return (
    ((2 * meanA * meanB + c1) * (2 * covariance + c2)) / ((meanA ** 2 + meanB ** 2 + c1) * (varianceA + varianceB + c2))
  );
}

/** As in JPEG (ITU-T T.871). */
function brightness({ data }: Pixels): Float64Array {
  return Float64Array.from(
    { length: data.length / 3 },
    (_, pixel) => 0.299 * data[pixel * 3]! + 0.587 * data[pixel * 3 + 1]! + 0.114 * data[pixel * 3 + 2]!,
  );
}

import type { Size } from '../vision/geometry.ts';
import { CoveredRows, type MaskShape, pixelBounds, rowSpan } from '../vision/mask.ts';
import type { RecordedMask } from '../storage/job.ts';

export type WantedMask = Omit<RecordedMask, 'origin'>;

/** The masks with their origin: those of `known` keep theirs, all others were added by a person. */
export function withOrigins(masks: readonly WantedMask[], known: readonly RecordedMask[]): RecordedMask[] {
  const origins = new Map(known.map((mask) => [textOf(mask), mask.origin]));
  return masks.map((mask) => ({ ...mask, origin: origins.get(textOf(mask)) ?? 'added' }));
}

/**
 * Whether a pixel that is masked before is not masked after: by the pixels that the masks cover, not by which masks they
 * are. Only the masks that are not in both lists are compared pixel by pixel.
 */
export function uncovers(before: readonly RecordedMask[], after: readonly RecordedMask[], photo: Size): boolean {
  const remaining = new Set(after.map(textOf));
  const removed = before.filter((mask) => !remaining.has(textOf(mask)));
  if (removed.length === 0) return false;
  return framesOf(removed, after).some((frame) => {
    const isShown = (mask: RecordedMask) => mask.frame === undefined || mask.frame === frame;
    return !covers(after.filter(isShown).map(toShape), removed.filter(isShown).map(toShape), photo);
  });
}

/** How many masks of one list are not in the other */
export function countOthers(masks: readonly RecordedMask[], known: readonly RecordedMask[]): number {
  const texts = new Set(known.map(textOf));
  return masks.filter((mask) => !texts.has(textOf(mask))).length;
}

/** The frames that masks name, and -1 for all others. */
function framesOf(...lists: readonly (readonly RecordedMask[])[]): number[] {
  return [...new Set([-1, ...lists.flat().map(({ frame = -1 }) => frame)])];
}

function covers(shapes: readonly MaskShape[], covered: readonly MaskShape[], photo: Size): boolean {
  const rows = new CoveredRows(shapes, photo);
  return covered.every((shape) => {
    const { top, bottom } = pixelBounds(shape, photo);
    for (let y = top; y < bottom; y++) {
      const [from, to] = rowSpan(shape, y, photo);
      if (to <= from) continue;
      rows.at(y);
      const gap = rows.inside.indexOf(0, from);
      if (gap >= 0 && gap < to) return false;
    }
    return true;
  });
}

function toShape({ shape, left, top, right, bottom }: RecordedMask): MaskShape {
  return { kind: shape, box: { left, top, right, bottom } };
}

/** The same for masks that cover the same pixels, whatever their origin. */
function textOf({ shape, left, top, right, bottom, frame }: WantedMask): string {
  return JSON.stringify([shape, left, top, right, bottom, frame ?? null]);
}

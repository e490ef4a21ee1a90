import { type Box, boxArea, clipBox, type Point, type Size } from './geometry.ts';
import { strongest, suppressOverlaps } from './nms.ts';
import type { Candidate, Landmarks } from './scrfd.ts';

export const FACE_ORDERS = ['score', 'size'] as const;
export type FaceOrder = (typeof FACE_ORDERS)[number];

export interface SelectionOptions {
  /** Overlap (IoU) above which the weaker of two boxes is dropped. */
  readonly nmsThreshold: number;
  /** Shortest side in pixels of the photo below which a face is dropped. */
  readonly minFaceSize: number;
  /** Maximum number of faces; the first ones in the order are returned. */
  readonly maxFaces: number;
  /** What comes first: the best or the largest. */
  readonly order: FaceOrder;
}

/** Position of a part of a photo on the canvas: x of the photo is (x of the canvas + offset.x) / scaleX. */
export interface Placement {
  /** Network pixels per pixel of the photo. The two differ by the rounding to whole pixels. */
  readonly scaleX: number;
  readonly scaleY: number;
  /** Start of the part, in network pixels from the top left of the photo. */
  readonly offset: Point;
}

/** Converts coordinates of the canvas to those of the photo. */
export function toPhoto(candidate: Candidate, { scaleX, scaleY, offset }: Placement): Candidate {
  const point = ({ x, y }: Point): Point => ({ x: (x + offset.x) / scaleX, y: (y + offset.y) / scaleY });
  const { box, landmarks, score } = candidate;
  const { x: left, y: top } = point({ x: box.left, y: box.top });
  const { x: right, y: bottom } = point({ x: box.right, y: box.bottom });
  return {
    score,
    box: { left, top, right, bottom },
    landmarks: landmarks && (landmarks.map(point) as unknown as Landmarks),
  };
}

/** One detection per face, clipped to the photo, in the order asked for. Boxes with nothing inside the photo are dropped. */
export function selectFaces(candidates: readonly Candidate[], photo: Size, options: SelectionOptions): Candidate[] {
  const faces = suppressOverlaps(strongest(candidates), options.nmsThreshold)
    .map((candidate) => ({ ...candidate, box: clipBox(candidate.box, photo) }))
    .filter(({ box }) => shortSide(box) > 0);
  return chooseFaces(faces, options);
}

/**
 * The first faces in the order that are large enough.
 * @param faces best first
 */
export function chooseFaces<Face extends { readonly box: Box }>(
  faces: readonly Face[],
  { minFaceSize, maxFaces, order }: Pick<SelectionOptions, 'minFaceSize' | 'maxFaces' | 'order'>,
): Face[] {
  const large = faces.filter(({ box }) => shortSide(box) >= minFaceSize);
  if (order === 'size') large.sort((a, b) => boxArea(b.box) - boxArea(a.box));
  return large.slice(0, maxFaces);
}

function shortSide({ left, top, right, bottom }: Box): number {
  return Math.min(right - left, bottom - top);
}

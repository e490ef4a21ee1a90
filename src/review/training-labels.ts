import { type Box, clipBox, type Size } from '../vision/geometry.ts';
import type { RecordedFace, RecordedMask } from '../storage/job.ts';
import type { VisibleFace } from '../storage/records/version.entity.ts';

/** A face as `models/training/cache.py` reads it */
export interface LabeledFace {
  /** In pixels of the upright image */
  readonly box: readonly [left: number, top: number, right: number, bottom: number];
  /** Eyes, nose, mouth corners, left to right as seen: x1, y1 … x5, y5 */
  readonly landmarks: readonly number[] | null;
  /** Neither a face nor background */
  readonly ignore?: true;
}

/** What is known of a masked image */
export interface Reviewed {
  readonly size: Size;
  /** What the detector found; null: the job was deleted. */
  readonly found: readonly RecordedFace[] | null;
  /** Masks of the result of the service */
  readonly first: readonly RecordedMask[];
  /** Masks that are served, and faces that stay visible */
  readonly masks: readonly RecordedMask[];
  readonly visible: readonly VisibleFace[];
  /** Whether a person made the masks that are served */
  readonly isCorrected: boolean;
}

/** Left to right as seen */
const LANDMARKS = ['left_eye', 'right_eye', 'nose', 'mouth_left', 'mouth_right'] as const;

/**
 * The faces of an image. Faces that were found and are still masked, or stay visible by choice, are faces; so are masks that
 * a person added where none was found. What was found and is not masked any more is ignored: it may be no face, or one
 * that nobody listed as visible. Only the first frame counts.
 */
export function labelFaces({ size, found, first, masks, visible, isCorrected }: Reviewed): LabeledFace[] {
  const faces = (found ?? []).filter(isInFirstFrame);
  const isFound = (box: Box) => faces.some((face) => holdsCenter(box, face.box));
  const served = masks.filter(isInFirstFrame);
  const known = first.filter(isInFirstFrame);
  const added = served.filter((mask) => !known.some((other) => isSame(mask, other)));
  return [
    ...faces.map(({ box, landmarks, uncertain }) => {
      const isMasked = served.some((mask) => holdsCenter(mask, box));
      const isChosen = visible.some((other) => holdsCenter(other, box));
      // Nobody has looked at the uncertain ones of an image without corrections.
      const isFace = (isMasked && (isCorrected || !uncertain)) || isChosen;
      return toLabel(box, size, landmarks ?? null, isFace);
    }),
    ...[...added, ...visible].filter((box) => !isFound(box)).map((box) => toLabel(box, size, null, true)),
    // Regions of the request, what verification added, or faces whose job was deleted: their boxes are not those of faces.
    ...known.filter((mask) => !isFound(mask)).map((box) => toLabel(box, size, null, false)),
  ].filter(({ box: [left, top, right, bottom] }) => right > left && bottom > top);
}

function isInFirstFrame({ frame = 0 }: { readonly frame?: number | undefined }): boolean {
  return frame === 0;
}

function holdsCenter({ left, top, right, bottom }: Box, face: Box): boolean {
  const x = (face.left + face.right) / 2;
  const y = (face.top + face.bottom) / 2;
  return x >= left && x <= right && y >= top && y <= bottom;
}

function isSame(one: RecordedMask, other: RecordedMask): boolean {
  return (['left', 'top', 'right', 'bottom', 'shape'] as const).every((side) => one[side] === other[side]);
}

function toLabel(box: Box, size: Size, landmarks: RecordedFace['landmarks'] | null, isFace: boolean): LabeledFace {
  const { left, top, right, bottom } = clipBox(box, size);
  const points = landmarks && LANDMARKS.map((name) => landmarks[name]).filter((point) => point !== undefined);
  return {
    box: [left, top, right, bottom],
    landmarks: points?.length === LANDMARKS.length ? points.flatMap(({ x, y }) => [x, y]) : null,
    ...(!isFace && { ignore: true as const }),
  };
}

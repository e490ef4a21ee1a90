import type { components } from '../api/schema.d.ts';
import { type Box, heightOf, isSameBox, type Size, widthOf } from './geometry.ts';

type Version = Pick<components['schemas']['AdminVersion'], 'masks' | 'visible'>;
type Mask = Version['masks'][number];

/** A face of the image: masked, or visible for a reason. */
export interface MaskItem {
  /** The same in each version that has the same box */
  readonly id: string;
  readonly box: Box;
  readonly shape: Mask['shape'];
  /** Only in this frame or on this page; undefined: in all */
  readonly frame: number | undefined;
  readonly origin: Mask['origin'];
  readonly masked: boolean;
  /** Why it is visible; null: nobody has said it yet, or it is masked */
  readonly reason: string | null;
}

export type Change =
  | { readonly kind: 'added' | 'removed'; readonly item: MaskItem }
  | { readonly kind: 'shown' | 'hidden' | 'reshaped'; readonly item: MaskItem; readonly before: MaskItem };

const boxOf = ({ left, top, right, bottom }: Box): Box => ({ left, top, right, bottom });
const textOf = ({ left, top, right, bottom }: Box) => [left, top, right, bottom].join(' ');

/** Most masks of a version have this shape: new ones get it too. */
export function usualShape({ masks }: Pick<Version, 'masks'>): Mask['shape'] {
  const boxes = masks.filter(({ shape }) => shape === 'box').length;
  return boxes * 2 > masks.length ? 'box' : 'ellipse';
}

/** The size of a new mask: that of the others of the image, or else a part of what is shown of it. */
export function usualSize(items: readonly MaskItem[], shown: Size): Size {
  const sorted = items.map(({ box }) => box).toSorted((a, b) => heightOf(a) - heightOf(b));
  const middle = sorted[Math.floor(sorted.length / 2)];
  const side = Math.min(shown.width, shown.height) / 6;
  return middle ? { width: widthOf(middle), height: heightOf(middle) } : { width: side * 0.75, height: side };
}

/** The faces of a version in reading order: from row to row, which are as high as most faces, and from left to right. */
export function itemsOf(version: Version): MaskItem[] {
  const items = listedItems(version);
  const heights = items.map(({ box }) => heightOf(box)).toSorted((a, b) => a - b);
  const row = heights[Math.floor(heights.length / 2)] ?? 1;
  const rowOf = ({ box }: MaskItem) => Math.floor((box.top + box.bottom) / 2 / row);
  return items.toSorted((a, b) => rowOf(a) - rowOf(b) || a.box.left - b.box.left);
}

function listedItems(version: Version): MaskItem[] {
  const shape = usualShape(version);
  const seen = new Map<string, number>();
  const idOf = (box: Box) => {
    const text = textOf(box);
    const count = (seen.get(text) ?? 0) + 1;
    seen.set(text, count);
    return count === 1 ? text : `${text} (${count})`;
  };
  return [
    ...version.masks.map((mask) => ({
      id: idOf(mask),
      box: boxOf(mask),
      shape: mask.shape,
      frame: mask.frame,
      origin: mask.origin,
      masked: true,
      reason: null,
    })),
    ...version.visible.map((face) => ({
      id: idOf(face),
      box: boxOf(face),
      shape,
      frame: undefined,
      origin: 'detected' as const,
      masked: false,
      reason: face.reason,
    })),
  ];
}

/** A mask that a person adds; its ID is new among these. */
export function newItem(items: readonly MaskItem[], box: Box, shape: Mask['shape']): MaskItem {
  const numbers = items.map(({ id }) => Number(/^new (\d+)$/.exec(id)?.[1] ?? 0));
  const id = `new ${Math.max(0, ...numbers) + 1}`;
  return { id, box, shape, frame: undefined, origin: 'added', masked: true, reason: null };
}

/** The list as the API takes it. */
export function listsOf(items: readonly MaskItem[]): {
  masks: components['schemas']['WantedMask'][];
  visible: components['schemas']['VisibleFace'][];
} {
  return {
    masks: items
      .filter(({ masked }) => masked)
      .map(({ box, shape, frame }) => ({ ...box, shape, ...(frame !== undefined && { frame }) })),
    visible: items.filter(({ masked }) => !masked).map(({ box, reason }) => ({ ...box, reason: reason ?? '' })),
  };
}

/** What differs between two lists. */
export function changesBetween(before: readonly MaskItem[], after: readonly MaskItem[]): Change[] {
  const old = new Map(before.map((item) => [item.id, item]));
  const remaining = new Set(after.map(({ id }) => id));
  const changes = after.flatMap((item): Change[] => {
    const earlier = old.get(item.id);
    if (earlier === undefined) return [{ kind: 'added', item }];
    if (earlier.masked !== item.masked) return [{ kind: item.masked ? 'hidden' : 'shown', item, before: earlier }];
    const isSame = isSameBox(earlier.box, item.box) && earlier.shape === item.shape && earlier.reason === item.reason;
    return isSame ? [] : [{ kind: 'reshaped', item, before: earlier }];
  });
  const removed = before.filter(({ id }) => !remaining.has(id)).map((item): Change => ({ kind: 'removed', item }));
  return [...changes, ...removed];
}

/** Faces that stay visible and of which nobody has said why. */
export const withoutReason = (items: readonly MaskItem[]): MaskItem[] =>
  items.filter(({ masked, reason }) => !masked && (reason === null || reason === ''));

const NAMES: Readonly<Record<Change['kind'], readonly [string, string]>> = {
  added: ['mask added', 'masks added'],
  shown: ['face made visible', 'faces made visible'],
  hidden: ['face masked again', 'faces masked again'],
  reshaped: ['mask moved or resized', 'masks moved or resized'],
  removed: ['mask removed', 'masks removed'],
};

/** `2 masks added, 1 face made visible` */
export function describeChanges(changes: readonly Change[]): string {
  return Object.entries(NAMES)
    .map(([kind, [one, many]]) => {
      const count = changes.filter((change) => change.kind === kind).length;
      return count === 0 ? '' : `${count} ${count === 1 ? one : many}`;
    })
    .filter((text) => text !== '')
    .join(', ');
}

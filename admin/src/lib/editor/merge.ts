import { isSameBox } from './geometry.ts';
import { changesBetween, type MaskItem } from './mask-items.ts';

export interface Merged {
  readonly items: readonly MaskItem[];
  /** Faces that both people changed in different ways: they are masked until somebody decides. */
  readonly disputed: readonly MaskItem[];
}

/**
 * Applies to a newer version what one person changed on the version before. What both changed differently stays masked,
 * in both ways if they moved it, so that neither a mask nor a wish gets lost without notice.
 * @param base the version that both started from
 */
export function applyAgain(base: readonly MaskItem[], mine: readonly MaskItem[], theirs: readonly MaskItem[]): Merged {
  const items = new Map(theirs.map((item) => [item.id, item]));
  const before = new Map(base.map((item) => [item.id, item]));
  const disputed: MaskItem[] = [];
  for (const change of changesBetween(base, mine)) {
    const { item } = change;
    const other = items.get(item.id);
    const earlier = before.get(item.id);
    if (change.kind === 'added') {
      const isThere = theirs.some(
        ({ box, shape, masked }) => isSameBox(box, item.box) && shape === item.shape && masked,
      );
      if (!isThere) items.set(item.id, item);
    } else if (other === undefined) {
      // They removed or moved it. A mask is kept; what would make a face visible is asked again.
      if (change.kind === 'removed') continue;
      if (item.masked) items.set(item.id, item);
      disputed.push(item);
    } else if (other.masked === earlier!.masked) {
      if (change.kind === 'removed') items.delete(item.id);
      else items.set(item.id, item);
    } else if (change.kind === 'removed' || item.masked !== other.masked || !isSameBox(item.box, other.box)) {
      items.set(item.id, { ...item, masked: true, reason: null });
      disputed.push(item);
    }
  }
  return { items: [...items.values()], disputed };
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { begun, changed, type History, redone, undone } from './history.ts';
import {
  changesBetween,
  describeChanges,
  itemsOf,
  listsOf,
  type MaskItem,
  newItem,
  usualShape,
  withoutReason,
} from './mask-items.ts';
import { applyAgain } from './merge.ts';

type Items = readonly MaskItem[];

const MASKS = Array.from({ length: 6 }, (_, index) => ({
  left: index * 50,
  top: 10,
  right: index * 50 + 40,
  bottom: 60.5,
  shape: 'ellipse' as const,
  origin: index === 5 ? ('uncertain' as const) : ('detected' as const),
}));
const VISIBLE = { left: 10, top: 100, right: 50, bottom: 150, reason: 'has agreed' };
const BASE = itemsOf({ masks: MASKS, visible: [VISIBLE] });

/** What a person does to a list, by numbers that fit any list. */
const anyEdit = fc.record({
  kind: fc.constantFrom('toggle', 'move', 'remove', 'add'),
  at: fc.nat(50),
  by: fc.integer({ min: 1, max: 30 }),
});
type Edit = typeof anyEdit extends fc.Arbitrary<infer Value> ? Value : never;

function edited(items: Items, { kind, at, by }: Edit): Items {
  if (kind === 'add') {
    const box = { left: at, top: 200 + by, right: at + 30, bottom: 240 + by };
    return [...items, newItem(items, box, 'ellipse')];
  }
  const id = items[at % Math.max(1, items.length)]?.id;
  if (kind === 'remove') return items.filter((item) => item.id !== id);
  return items.map((item) => {
    if (item.id !== id) return item;
    if (kind === 'toggle') return { ...item, masked: !item.masked };
    return { ...item, box: { ...item.box, left: item.box.left + by, right: item.box.right + by } };
  });
}
const editedAll = (items: Items, edits: readonly Edit[]) => edits.reduce(edited, items);
const anyEdits = fc.array(anyEdit, { maxLength: 12 });

const byId = (items: Items) => items.toSorted((a, b) => (a.id < b.id ? -1 : 1));

describe('undo', () => {
  it('gives the start back after any sequence of edits, and redo gives them back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyEdit, fc.boolean()), { maxLength: 20 }), (steps) => {
        let history: History<Items> = begun<Items>(BASE);
        for (const [edit, goesOn] of steps) {
          history = changed(history, edited(history.present, edit), goesOn ? `${edit.kind} ${edit.at}` : null);
        }
        const end = history.present;
        const count = history.past.length;
        for (let step = 0; step < count; step += 1) history = undone(history);
        expect(history.present).toBe(BASE);
        expect(undone(history)).toBe(history);
        for (let step = 0; step < count; step += 1) history = redone(history);
        expect(history.present).toBe(end);
        expect(redone(history)).toBe(history);
      }),
    );
  });

  it('takes back a move by many key presses at once, but not two moves with another change between them', () => {
    let history = begun(0);
    for (const value of [1, 2, 3]) history = changed(history, value, 'move a');
    expect(undone(history).present).toBe(0);
    history = changed(history, 4);
    history = changed(history, 5, 'move a');
    expect(undone(history).present).toBe(4);
    expect(undone(undone(history)).present).toBe(3);
  });
});

describe('the list of masks', () => {
  it('of an unchanged version is sent as it was read', () => {
    const { masks, visible } = listsOf(BASE);
    expect(masks).toEqual(MASKS.map(({ left, top, right, bottom, shape }) => ({ left, top, right, bottom, shape })));
    expect(visible).toEqual([VISIBLE]);
    expect(changesBetween(BASE, BASE)).toEqual([]);
  });

  it('has an ID for each of two masks with the same box, and keeps the frame of a mask', () => {
    const twice = itemsOf({
      masks: [
        { ...MASKS[0]!, frame: 0 },
        { ...MASKS[0]!, frame: 2 },
      ],
      visible: [],
    });
    expect(new Set(twice.map(({ id }) => id)).size).toBe(2);
    expect(listsOf(twice).masks.map(({ frame }) => frame)).toEqual([0, 2]);
  });

  it('gives new masks the shape of most others', () => {
    expect(usualShape({ masks: MASKS })).toBe('ellipse');
    expect(usualShape({ masks: MASKS.map((mask) => ({ ...mask, shape: 'box' as const })) })).toBe('box');
    expect(usualShape({ masks: [] })).toBe('ellipse');
  });

  it('says what was changed, and which faces need a reason', () => {
    const [first, second, third, ...others] = BASE;
    const after = [
      { ...first!, masked: false },
      { ...second!, box: { ...second!.box, right: second!.box.right + 1 } },
      ...others.map((item) => ({ ...item, masked: true })),
      newItem(BASE, { left: 1, top: 2, right: 30, bottom: 40 }, 'box'),
    ];
    expect(third).toBeDefined();
    expect(describeChanges(changesBetween(BASE, after))).toBe(
      '1 mask added, 1 face made visible, 1 face masked again, 1 mask moved or resized, 1 mask removed',
    );
    expect(withoutReason(after)).toEqual([after[0]]);
    expect(describeChanges([])).toBe('');
  });
});

describe('the changes of two people', () => {
  it('are all there if only one of them changed anything', () => {
    fc.assert(
      fc.property(anyEdits, (edits) => {
        const changedItems = editedAll(BASE, edits);
        expect(byId(applyAgain(BASE, changedItems, BASE).items)).toEqual(byId(changedItems));
        const theirs = applyAgain(BASE, BASE, changedItems);
        expect(theirs.items).toEqual(changedItems);
        expect([...applyAgain(BASE, changedItems, BASE).disputed, ...theirs.disputed]).toEqual([]);
      }),
    );
  });

  it('never leave a face visible that one of them masks, unless the other removed the mask and nobody moved it', () => {
    fc.assert(
      fc.property(anyEdits, anyEdits, (own, other) => {
        const mine = editedAll(BASE, own);
        // The other person's list was saved: its boxes are its IDs.
        const saved = listsOf(editedAll(BASE, other));
        const theirs = itemsOf({
          masks: saved.masks.map((mask) => ({ ...mask, origin: 'detected' as const })),
          visible: saved.visible,
        });
        const { items, disputed } = applyAgain(BASE, mine, theirs);
        const before = new Map(BASE.map((item) => [item.id, item]));
        const isMasked = ({ box, shape }: MaskItem) =>
          items.some((item) => item.masked && item.shape === shape && JSON.stringify(item.box) === JSON.stringify(box));
        // What I added, moved or masked is masked.
        for (const change of changesBetween(BASE, mine)) {
          if (change.item.masked && change.kind !== 'removed') {
            const isKept = isMasked(change.item);
            expect(isKept || disputed.some(({ id }) => id === change.item.id)).toBe(true);
          }
        }
        // What they added is still there.
        for (const item of theirs) {
          if (!before.has(item.id) && item.masked) expect(isMasked(item)).toBe(true);
        }
        expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
      }),
    );
  });

  it('that contradict each other leave the face masked and are named', () => {
    const [first] = BASE;
    const shown = BASE.map((item) => (item === first ? { ...item, masked: false, reason: 'has agreed' } : item));
    const movedAway = BASE.map((item) =>
      item === first ? { ...item, id: '3 10 43 60.5', box: { ...item.box, left: 3, right: 43 } } : item,
    );
    const { items, disputed } = applyAgain(BASE, shown, movedAway);
    expect(items.filter(({ masked }) => masked)).toHaveLength(MASKS.length);
    expect(disputed.map(({ id }) => id)).toEqual([first!.id]);
  });
});

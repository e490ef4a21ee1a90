import { type AdminVersion, makeVersion, previewVersion, readVersions } from '../api/admin.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { formatCount, plural } from '../format.ts';
import { Loader } from '../loader.svelte.ts';
import { session } from '../session.svelte.ts';
import { dropDraft, keepDraft, readDraft } from './draft.ts';
import { around, type Box, heightOf, isSameBox, type Point, type Size, widthOf } from './geometry.ts';
import { begun, changed, type History, redone, undone } from './history.ts';
import {
  changesBetween,
  describeChanges,
  itemsOf,
  listsOf,
  type MaskItem,
  newItem,
  usualShape,
  usualSize,
} from './mask-items.ts';
import { applyAgain } from './merge.ts';

/** What the picture under the masks shows. */
export type Layer = 'original' | 'preview' | 'served';

export interface Reasons {
  readonly reason: string;
  readonly note: string;
  /** By the ID of each face that stays visible */
  readonly visible: ReadonlyMap<string, string>;
}

/** The masks of an image while a person changes them. */
export class MaskEditor {
  readonly imageId: string;
  readonly size: Size;
  /** The version that is changed: the one that was served. */
  base = $state.raw<AdminVersion>()!;
  #baseItems = $state.raw<readonly MaskItem[]>([]);
  #history = $state.raw<History<readonly MaskItem[]>>(begun<readonly MaskItem[]>([]));
  readonly items = $derived(this.#history.present);
  readonly changes = $derived(changesBetween(this.#baseItems, this.items));
  readonly dirty = $derived(this.changes.length > 0);
  readonly canUndo = $derived(this.#history.past.length > 0);
  readonly canRedo = $derived(this.#history.future.length > 0);

  selectedId = $state<string | null>(null);
  layer = $state<Layer>('original');
  /** For screen readers */
  announcement = $state('');
  /** Why the last action was not possible */
  refusal = $state('');

  saving = $state(false);
  problem = $state.raw<Problem>();
  /** The version that another person has saved meanwhile. */
  newer = $state.raw<AdminVersion>();
  /** Faces that both have changed in different ways */
  disputed = $state.raw<readonly MaskItem[]>([]);
  /** URL of the image as the current masks would make it */
  readonly preview = new Loader<string>();
  #previewed = '';

  /** @param served the version that is served now */
  constructor(imageId: string, size: Size, served: AdminVersion) {
    this.imageId = imageId;
    this.size = size;
    this.#begin(served, itemsOf(served));
    const draft = readDraft(imageId);
    if (draft === undefined) return;
    this.#baseItems = draft.base;
    this.#history = changed(begun(draft.base), draft.items);
    if (draft.versionId === served.id) return;
    this.base = { ...served, id: draft.versionId, number: draft.versionNumber };
    this.newer = served;
  }

  get selected(): MaskItem | undefined {
    return this.items.find(({ id }) => id === this.selectedId);
  }

  isNew(item: MaskItem): boolean {
    return !this.#baseItems.some(({ id }) => id === item.id);
  }

  isChanged(item: MaskItem): boolean {
    return this.changes.some((change) => change.item.id === item.id);
  }

  /** Masked in the version that is served, and the operator may not change that. */
  isLocked({ id }: MaskItem): boolean {
    return !session.may('unmask') && this.#baseItems.some((item) => item.id === id && item.masked);
  }

  /** Such as `Face 3 of 20` */
  nameOf({ id }: MaskItem): string {
    return `Face ${this.items.findIndex((item) => item.id === id) + 1} of ${this.items.length}`;
  }

  select(id: string | null): void {
    this.selectedId = id;
  }

  toggle(id: string): void {
    this.#change(
      id,
      (item) => ({ ...item, masked: !item.masked }),
      null,
      (item) => (item.masked ? `${this.nameOf(item)} is masked.` : `${this.nameOf(item)} is visible.`),
    );
  }

  /** @param step name of a movement in many steps, which are undone together */
  reshape(id: string, box: Box, step: string | null = null): void {
    this.#change(
      id,
      (item) => (isSameBox(item.box, box) ? item : { ...item, box }),
      step,
      (item) => describeBox(item.box),
    );
  }

  remove(id: string): void {
    const item = this.items.find((each) => each.id === id);
    if (item === undefined || this.#refuses(item)) return;
    const at = this.items.indexOf(item);
    const name = this.nameOf(item);
    this.#put(this.items.filter((each) => each !== item));
    this.selectedId = (this.items[at] ?? this.items[at - 1])?.id ?? null;
    this.announcement = `${name} removed. ${plural(this.items.length, 'face')} left.`;
  }

  add(box: Box): MaskItem {
    const item = newItem(this.items, box, usualShape(this.base));
    this.#put([...this.items, item]);
    this.selectedId = item.id;
    this.refusal = '';
    this.announcement = `Mask added, ${describeBox(box)}`;
    return item;
  }

  /** @param shown the part of the image that is shown */
  addAt(center: Point, shown: Size): MaskItem {
    return this.add(around(center, usualSize(this.items, shown), this.size));
  }

  undo(): void {
    this.#travel(undone(this.#history), 'Undone');
  }

  redo(): void {
    this.#travel(redone(this.#history), 'Redone');
  }

  discard(): void {
    if (this.newer !== undefined) this.#begin(this.newer, itemsOf(this.newer));
    else this.#begin(this.base, this.#baseItems);
    dropDraft(this.imageId);
    this.announcement = 'All changes are discarded.';
  }

  /** Keeps what is not saved for a reload of the page. */
  keep(): void {
    if (!this.dirty) return dropDraft(this.imageId);
    const { id, number } = this.base;
    keepDraft(this.imageId, { versionId: id, versionNumber: number, base: this.#baseItems, items: this.items });
  }

  /** @returns the new version; undefined: it was not saved, see `problem` and `newer` */
  async save({ reason, note, visible }: Reasons): Promise<AdminVersion | undefined> {
    this.saving = true;
    this.problem = undefined;
    this.#history = {
      ...this.#history,
      present: this.items.map((item) => ({ ...item, reason: visible.get(item.id) ?? item.reason })),
    };
    try {
      const version = await makeVersion(this.imageId, {
        based_on: this.base.id,
        ...listsOf(this.items),
        reason,
        ...(note !== '' && { note }),
      });
      dropDraft(this.imageId);
      return version;
    } catch (error) {
      const problem = problemOf(error);
      if (problem.code === 'version-conflict') await this.#readNewer();
      else this.problem = problem;
      return undefined;
    } finally {
      this.saving = false;
    }
  }

  /** Takes the newer version, and makes the own changes on it. They are still not saved. */
  takeNewer(): void {
    const { newer } = this;
    if (newer === undefined) return;
    const theirs = itemsOf(newer);
    const { items, disputed } = applyAgain(this.#baseItems, this.items, theirs);
    this.#begin(newer, theirs);
    this.#history = changed(this.#history, items);
    this.disputed = disputed;
    this.announcement = `Version ${newer.number} is loaded. Not saved: ${describeChanges(this.changes)}.`;
  }

  /** Renders the current masks, unless that is what is shown. */
  async readPreview(): Promise<void> {
    const { masks } = listsOf(this.items);
    const text = JSON.stringify(masks);
    if (text === this.#previewed) return;
    this.#previewed = text;
    const before = this.preview.value;
    await this.preview.load(async (signal) => URL.createObjectURL(await previewVersion(this.imageId, masks, signal)));
    if (this.preview.value !== before && before !== undefined) URL.revokeObjectURL(before);
    if (this.preview.problem !== undefined && this.#previewed === text) this.#previewed = '';
  }

  close(): void {
    this.preview.stop();
    if (this.preview.value !== undefined) URL.revokeObjectURL(this.preview.value);
  }

  #begin(version: AdminVersion, items: readonly MaskItem[]): void {
    this.base = version;
    this.#baseItems = items;
    this.#history = begun(items);
    this.newer = undefined;
    this.problem = undefined;
    this.disputed = [];
    this.refusal = '';
  }

  async #readNewer(): Promise<void> {
    try {
      this.newer = (await readVersions(this.imageId)).find(({ is_served }) => is_served);
    } catch (error) {
      this.problem = problemOf(error);
    }
  }

  #change(
    id: string,
    change: (item: MaskItem) => MaskItem,
    step: string | null,
    announce: (item: MaskItem) => string,
  ): void {
    const item = this.items.find((each) => each.id === id);
    if (item === undefined || this.#refuses(item)) return;
    const next = change(item);
    if (next === item) return;
    this.#put(
      this.items.map((each) => (each === item ? next : each)),
      step,
    );
    this.announcement = announce(next);
  }

  #put(items: readonly MaskItem[], step: string | null = null): void {
    this.#history = changed(this.#history, items, step);
  }

  #travel(history: History<readonly MaskItem[]>, what: string): void {
    if (history === this.#history) return;
    const before = this.items;
    this.#history = history;
    const [change] = changesBetween(before, this.items).filter(({ kind }) => kind !== 'removed');
    if (change !== undefined) this.selectedId = change.item.id;
    else if (this.selected === undefined) this.selectedId = null;
    this.refusal = '';
    this.announcement = `${what}. ${this.dirty ? `Not saved: ${describeChanges(this.changes)}.` : 'Nothing is changed.'}`;
  }

  #refuses(item: MaskItem): boolean {
    const isLocked = this.isLocked(item);
    this.refusal = isLocked
      ? `This face is masked, and your role (${session.current?.user_role ?? 'none'}) may not make any part of it visible. You can draw another mask over it. Somebody with the right “unmask” can change this one.`
      : '';
    if (isLocked) this.announcement = this.refusal;
    return isLocked;
  }
}

export function describeBox(box: Box): string {
  const [left, top] = [Math.round(box.left), Math.round(box.top)];
  return `${formatCount(Math.round(widthOf(box)))} × ${formatCount(Math.round(heightOf(box)))} pixels at ${left}, ${top}`;
}

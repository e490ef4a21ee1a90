import { readReviews } from './api/admin.ts';
import { reviewQuery } from './review.ts';

/** Fewer ahead than this: the next page of the queue is read. */
const AHEAD = 5;
const PAGE = 100;
const KEY = 'review-walk';

interface Walk {
  /** The filters of the view of the queue, as a query without its question mark */
  readonly filter: string;
  readonly ids: readonly string[];
  readonly next: string | null;
  /** How many there were when the walk started */
  readonly total: number;
}

let walk = $state.raw<Walk>(stored() ?? { filter: '', ids: [], next: null, total: 0 });

/** The images of a view of the queue in the order in which it was opened: decisions do not change the positions. */
export const reviewWalk = {
  get total(): number {
    return Math.max(walk.total, walk.ids.length);
  },
  /** From 0; -1: not in this walk */
  positionOf: (id: string): number => walk.ids.indexOf(id),
  idAt: (position: number): string | undefined => walk.ids[position],

  start(filter: string, ids: readonly string[], next: string | null, total: number): void {
    set({ filter, ids, next, total });
  },

  /** Opens the page of an image by its address, in another tab: the queue is read if this walk is another one. */
  async enter(filter: string, id: string): Promise<void> {
    if (walk.filter === filter && walk.ids.includes(id)) return;
    const { rows, next, total } = await readReviews({ ...reviewQuery(new URLSearchParams(filter)), limit: PAGE });
    const ids = rows.map(({ image }) => image.id);
    // It may have been decided on since, or be far down.
    if (!ids.includes(id)) ids.unshift(id);
    set({ filter, ids, next, total: Math.max(total ?? 0, ids.length) });
  },

  /** Reads more of the queue if there is little left. */
  async extend(position: number): Promise<void> {
    const { filter, ids, next } = walk;
    if (next === null || position + AHEAD < ids.length) return;
    const query = { ...reviewQuery(new URLSearchParams(filter)), limit: PAGE, after: next };
    const page = await readReviews(query);
    // Another walk was started, or this page was read twice.
    if (walk.next !== next) return;
    const more = page.rows.map(({ image }) => image.id).filter((id) => !ids.includes(id));
    set({ ...walk, ids: [...ids, ...more], next: page.next });
  },
};

function set(value: Walk): void {
  walk = value;
  sessionStorage.setItem(KEY, JSON.stringify(value));
}

/** After a reload */
function stored(): Walk | null {
  return JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Walk | null;
}

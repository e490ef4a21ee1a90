/** Boxes in pixels of the upright image, and how the image lies on the screen. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A point of the image lies at `point × scale + (x, y)` on the screen. */
export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

/** The sides that it moves, named as in CSS cursors */
export const HANDLES = ['nw', 'n', 'ne', 'e', 'se', 's', 'sw', 'w'] as const;
export type Handle = (typeof HANDLES)[number];

/** Nobody makes a smaller box by hand. */
export const MIN_SIDE = 4;
/** Room around the image on the screen, so that handles at its border can be reached. */
const BORDER = 24;
/** Pixels of the screen for one pixel of the image */
const MAX_SCALE = 32;
/** A handle in the middle of a side needs this many reaches of room beside those in the corners. */
const REACHES_PER_SIDE = 5;

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

export const widthOf = ({ left, right }: Box): number => right - left;
export const heightOf = ({ top, bottom }: Box): number => bottom - top;
export const centerOf = ({ left, top, right, bottom }: Box): Point => ({
  x: (left + right) / 2,
  y: (top + bottom) / 2,
});
export const isSameBox = (a: Box, b: Box): boolean =>
  a.left === b.left && a.top === b.top && a.right === b.right && a.bottom === b.bottom;

/** The box at another place, of the same size and not beyond the image. */
export function moved(box: Box, by: Point, image: Size): Box {
  const x = clamp(Math.round(by.x), Math.min(0, -box.left), Math.max(0, image.width - box.right));
  const y = clamp(Math.round(by.y), Math.min(0, -box.top), Math.max(0, image.height - box.bottom));
  return { left: box.left + x, top: box.top + y, right: box.right + x, bottom: box.bottom + y };
}

/** The box with the sides of a handle at another place: never empty, never beyond the image. */
export function resized(box: Box, handle: Handle, by: Point, image: Size): Box {
  const { left, top, right, bottom } = box;
  return {
    left: handle.includes('w') ? clamp(Math.round(left + by.x), 0, Math.max(0, right - MIN_SIDE)) : left,
    top: handle.includes('n') ? clamp(Math.round(top + by.y), 0, Math.max(0, bottom - MIN_SIDE)) : top,
    right: handle.includes('e')
      ? clamp(Math.round(right + by.x), Math.min(image.width, left + MIN_SIDE), image.width)
      : right,
    bottom: handle.includes('s')
      ? clamp(Math.round(bottom + by.y), Math.min(image.height, top + MIN_SIDE), image.height)
      : bottom,
  };
}

/** The box that is drawn from one point to another; undefined: it is too small to be meant. */
export function drawn(from: Point, to: Point, image: Size): Box | undefined {
  const x = (value: number) => clamp(Math.round(value), 0, image.width);
  const y = (value: number) => clamp(Math.round(value), 0, image.height);
  const box = {
    left: x(Math.min(from.x, to.x)),
    top: y(Math.min(from.y, to.y)),
    right: x(Math.max(from.x, to.x)),
    bottom: y(Math.max(from.y, to.y)),
  };
  return widthOf(box) >= MIN_SIDE && heightOf(box) >= MIN_SIDE ? box : undefined;
}

/** A box of this size around a point, moved into the image. */
export function around(center: Point, size: Size, image: Size): Box {
  const width = clamp(Math.round(size.width), 1, image.width);
  const height = clamp(Math.round(size.height), 1, image.height);
  const left = clamp(Math.round(center.x - width / 2), 0, image.width - width);
  const top = clamp(Math.round(center.y - height / 2), 0, image.height - height);
  return { left, top, right: left + width, bottom: top + height };
}

export const toScreen = ({ scale, x, y }: View, point: Point): Point => ({
  x: point.x * scale + x,
  y: point.y * scale + y,
});

export const toImage = ({ scale, x, y }: View, point: Point): Point => ({
  x: (point.x - x) / scale,
  y: (point.y - y) / scale,
});

export function boxToScreen(view: View, { left, top, right, bottom }: Box): Box {
  const first = toScreen(view, { x: left, y: top });
  const last = toScreen(view, { x: right, y: bottom });
  return { left: first.x, top: first.y, right: last.x, bottom: last.y };
}

/** The whole image in the middle of the room. */
export function fitted(image: Size, room: Size): View {
  const scale = Math.max(
    1e-6,
    Math.min((room.width - 2 * BORDER) / image.width, (room.height - 2 * BORDER) / image.height),
  );
  return { scale, x: (room.width - image.width * scale) / 2, y: (room.height - image.height * scale) / 2 };
}

/** The view, changed so that the image fills the room as far as it can and is neither too small nor too large. */
export function bounded(view: View, image: Size, room: Size): View {
  const least = fitted(image, room).scale;
  const scale = clamp(view.scale, least, Math.max(MAX_SCALE, 2 * least));
  const offset = (wanted: number, length: number, available: number) => {
    const free = available - length;
    return free >= -2 * BORDER ? free / 2 : clamp(wanted, free - BORDER, BORDER);
  };
  return {
    scale,
    x: offset(view.x, image.width * scale, room.width),
    y: offset(view.y, image.height * scale, room.height),
  };
}

/** Enlarged by a factor; the point of the image at `at` on the screen stays there. */
export function zoomed(view: View, factor: number, at: Point): View {
  return { scale: view.scale * factor, x: at.x - (at.x - view.x) * factor, y: at.y - (at.y - view.y) * factor };
}

export const panned = (view: View, by: Point): View => ({ ...view, x: view.x + by.x, y: view.y + by.y });

/** Two fingers that were on two points of the screen are on two others now: the image stays under them. */
export function pinched(view: View, from: readonly [Point, Point], to: readonly [Point, Point]): View {
  const distance = ([a, b]: readonly [Point, Point]) => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
  const middle = ([a, b]: readonly [Point, Point]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  const start = middle(from);
  const end = middle(to);
  return panned(zoomed(view, distance(to) / distance(from), start), { x: end.x - start.x, y: end.y - start.y });
}

/** The view with this box in the room: the same view if it already is. */
export function revealing(view: View, box: Box, room: Size): View {
  const { left, top, right, bottom } = boxToScreen(view, box);
  if (left >= 0 && top >= 0 && right <= room.width && bottom <= room.height) return view;
  return panned(view, { x: room.width / 2 - (left + right) / 2, y: room.height / 2 - (top + bottom) / 2 });
}

/** The smallest box at a point: of a face before another, it is the one in front. */
export function smallestAt<Item extends { readonly box: Box }>(
  items: readonly Item[],
  { x, y }: Point,
): Item | undefined {
  const found = items.filter(({ box }) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom);
  return found.toSorted((a, b) => widthOf(a.box) * heightOf(a.box) - widthOf(b.box) * heightOf(b.box))[0];
}

/**
 * Where the handles of a box are on the screen. Those in the corners of a small box lie outside it, so that it can still
 * be taken hold of.
 * @param reach half the side of the target of a handle
 */
export function handlesOf(view: View, box: Box, reach: number): readonly (Point & { readonly handle: Handle })[] {
  const shown = boxToScreen(view, box);
  const center = centerOf(shown);
  const outward = (length: number) => clamp(REACHES_PER_SIDE * reach - length, 0, 2 * reach) / 2;
  const beside = { x: outward(widthOf(shown)), y: outward(heightOf(shown)) };
  return HANDLES.filter(
    (handle) =>
      handle.length === 2 ||
      (handle === 'n' || handle === 's' ? widthOf(shown) : heightOf(shown)) >= REACHES_PER_SIDE * reach,
  ).map((handle) => ({
    handle,
    x: handle.includes('w') ? shown.left - beside.x : handle.includes('e') ? shown.right + beside.x : center.x,
    y: handle.includes('n') ? shown.top - beside.y : handle.includes('s') ? shown.bottom + beside.y : center.y,
  }));
}

/** The handle at a point of the screen */
export function handleAt(view: View, box: Box, reach: number, { x, y }: Point): Handle | undefined {
  return handlesOf(view, box, reach).find((each) => Math.abs(each.x - x) <= reach && Math.abs(each.y - y) <= reach)
    ?.handle;
}

/** Each frame's list with those of the frames before and after it: what is missed in one frame is known from the next. */
export function joinNeighbours<Item>(frames: readonly (readonly Item[])[]): Item[][] {
  return frames.map((items, index) => [...(frames[index - 1] ?? []), ...items, ...(frames[index + 1] ?? [])]);
}

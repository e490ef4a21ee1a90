/** Adds to the list of each frame those of the frames before and after it, because a face may be missed in one frame. */
export function joinNeighbors<Item>(frames: readonly (readonly Item[])[]): Item[][] {
  return frames.map((items, index) => [...(frames[index - 1] ?? []), ...items, ...(frames[index + 1] ?? [])]);
}

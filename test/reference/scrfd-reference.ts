/**
 * SCRFD's post-processing once more, for comparison: plain, slow, and written from the published algorithm alone
 * (insightface, detection/scrfd/tools/scrfd.py: anchor centers, distance2bbox, distance2kps, nms). It shares no code
 * with the service, takes the anchors' number as given instead of working it out, and rounds as little as it can.
 */

export type ReferenceOutput = { dims: readonly number[]; data: ArrayLike<number> };

export type ReferenceFace = {
  score: number;
  box: [left: number, top: number, right: number, bottom: number];
  landmarks: [x: number, y: number][] | null;
};

export type ReferenceInput = {
  /** In the file's order: scores at the strides 8, 16, 32, then boxes, then landmarks where the network has them. */
  outputs: readonly ReferenceOutput[];
  width: number;
  height: number;
  anchorsPerCell: number;
  threshold: number;
  nmsThreshold: number;
};

/** Faces on the canvas, best first: the candidates without those that overlap a better one. */
export function referenceFaces(input: ReferenceInput): ReferenceFace[] {
  return suppress(referenceCandidates(input), input.nmsThreshold);
}

/** All anchors that reach the threshold, by stride, row and column. */
export function referenceCandidates(input: Omit<ReferenceInput, 'nmsThreshold'>): ReferenceFace[] {
  const levels = input.outputs.map(toRows);
  const found: ReferenceFace[] = [];
  [8, 16, 32].forEach((stride, level) => {
    const scores = levels[level]!;
    const boxes = levels[level + 3]!;
    const landmarks = levels[level + 6] ?? null;
    anchorCenters(input, stride).forEach(([x, y], row) => {
      const score = scores[row]![0]!;
      if (!(score >= input.threshold)) return;
      found.push({
        score,
        box: distanceToBox(
          x,
          y,
          boxes[row]!.map((value) => value * stride),
        ),
        landmarks:
          landmarks &&
          distanceToLandmarks(
            x,
            y,
            landmarks[row]!.map((value) => value * stride),
          ),
      });
    });
  });
  return found;
}

/** [N, C] or [1, N, C] as N lists of C numbers. */
function toRows({ dims, data }: ReferenceOutput): number[][] {
  const [count, channels] = dims.slice(-2) as [number, number];
  const rows: number[][] = [];
  for (let row = 0; row < count; row++) {
    const values: number[] = [];
    for (let channel = 0; channel < channels; channel++) values.push(data[row * channels + channel]!);
    rows.push(values);
  }
  return rows;
}

function anchorCenters(
  { width, height, anchorsPerCell }: Omit<ReferenceInput, 'nmsThreshold'>,
  stride: number,
): [number, number][] {
  const centers: [number, number][] = [];
  for (let y = 0; y < Math.floor(height / stride); y++) {
    for (let x = 0; x < Math.floor(width / stride); x++) {
      for (let anchor = 0; anchor < anchorsPerCell; anchor++) centers.push([x * stride, y * stride]);
    }
  }
  return centers;
}

function distanceToBox(x: number, y: number, distance: number[]): ReferenceFace['box'] {
  return [x - distance[0]!, y - distance[1]!, x + distance[2]!, y + distance[3]!];
}

function distanceToLandmarks(x: number, y: number, distance: number[]): [number, number][] {
  const points: [number, number][] = [];
  for (let i = 0; i < distance.length; i += 2) points.push([x + distance[i]!, y + distance[i + 1]!]);
  return points;
}

/** Greedy non-maximum suppression with areas counted in whole pixels, both ends included, as published. */
function suppress(faces: ReferenceFace[], threshold: number): ReferenceFace[] {
  let remaining = [...faces].sort((a, b) => b.score - a.score);
  const keep: ReferenceFace[] = [];
  for (let best = remaining[0]; best !== undefined; best = remaining[0]) {
    const chosen = best;
    keep.push(chosen);
    remaining = remaining.slice(1).filter((other) => overlap(chosen.box, other.box) <= threshold);
  }
  return keep;
}

function overlap(a: ReferenceFace['box'], b: ReferenceFace['box']): number {
  const area = ([left, top, right, bottom]: ReferenceFace['box']) => (right - left + 1) * (bottom - top + 1);
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]) + 1);
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]) + 1);
  const shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

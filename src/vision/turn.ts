import type { Point, Size } from './geometry.ts';
import type { Raster } from './raster.ts';
import type { Candidate, Landmarks } from './scrfd.ts';

/** Degrees clockwise. */
export const TURNS = [0, 90, 180, 270] as const;
export type Turn = (typeof TURNS)[number];

export function turnedSize({ width, height }: Size, turn: Turn): Size {
  return turn === 90 || turn === 270 ? { width: height, height: width } : { width, height };
}

/** The pixels turned clockwise; the same raster for a turn of 0. */
export function turnPixels(raster: Raster, turn: Turn): Raster {
  if (turn === 0) return raster;
  const { width, height, channels, data } = raster;
  const { width: columns, height: rows } = turnedSize(raster, turn);
  const [first, alongRow, alongColumn] = {
    90: [(height - 1) * width, -width, 1],
    180: [height * width - 1, -1, -width],
    270: [width - 1, width, -1],
  }[turn] as [number, number, number];
  const turned = new Uint8Array(data.length);
  let to = 0;
  for (let y = 0; y < rows; y++) {
    let from = (first + y * alongColumn) * channels;
    for (let x = 0; x < columns; x++, from += alongRow * channels) {
      for (let channel = 0; channel < channels; channel++) turned[to++] = data[from + channel]!;
    }
  }
  return { width: columns, height: rows, channels, data: turned };
}

/**
 * Converts a candidate of the turned photo to coordinates of the photo. The order of the landmarks stays the same: the left
 * eye is on the left of the upright face.
 */
export function turnBack(candidate: Candidate, turn: Turn, photo: Size): Candidate {
  if (turn === 0) return candidate;
  const back = ({ x, y }: Point): Point => {
    if (turn === 90) return { x: y, y: photo.height - x };
    if (turn === 180) return { x: photo.width - x, y: photo.height - y };
    return { x: photo.width - y, y: x };
  };
  const { box, landmarks } = candidate;
  const [a, b] = [back({ x: box.left, y: box.top }), back({ x: box.right, y: box.bottom })];
  return {
    ...candidate,
    box: {
      left: Math.min(a.x, b.x),
      top: Math.min(a.y, b.y),
      right: Math.max(a.x, b.x),
      bottom: Math.max(a.y, b.y),
    },
    landmarks: landmarks && (landmarks.map(back) as unknown as Landmarks),
  };
}

import { describe, expect, it } from 'vitest';
import { selectFaces, toPhoto } from './faces.ts';
import type { Candidate, Landmarks } from './scrfd.ts';

const PHOTO = { width: 200, height: 100 };
const everything = { nmsThreshold: 0.4, minFaceSize: 0, maxFaces: Infinity, order: 'score' as const };

function candidate(left: number, top: number, width: number, height: number, score = 0.9): Candidate {
  return { score, box: { left, top, right: left + width, bottom: top + height }, landmarks: null };
}

describe('from the canvas to the photo', () => {
  it('moves by the offset, and divides by the scale of each direction', () => {
    const placement = { scaleX: 2, scaleY: 4, offset: { x: 100, y: 40 } };
    const landmarks = [1, 2, 3, 4, 5].map((n) => ({ x: 10 * n, y: 20 * n })) as unknown as Landmarks;
    expect(toPhoto({ ...candidate(20, 40, 60, 80), landmarks }, placement)).toEqual({
      score: 0.9,
      box: { left: 60, top: 20, right: 90, bottom: 40 },
      landmarks: [1, 2, 3, 4, 5].map((n) => ({ x: 50 + 5 * n, y: 10 + 5 * n })),
    });
  });

  it('keeps null where the network gives no landmarks', () => {
    const placement = { scaleX: 1, scaleY: 1, offset: { x: 0, y: 0 } };
    expect(toPhoto(candidate(0, 0, 10, 10), placement).landmarks).toBeNull();
  });
});

describe('selecting faces', () => {
  it('clips boxes to the photo, up to its last row and column', () => {
    const faces = selectFaces([candidate(-10, -20, 40, 50), candidate(180, 70, 90, 90, 0.8)], PHOTO, everything);
    expect(faces.map(({ box }) => box)).toEqual([
      { left: 0, top: 0, right: 30, bottom: 30 },
      { left: 180, top: 70, right: 200, bottom: 100 },
    ]);
  });

  it('leaves landmarks beyond the border where they are', () => {
    const landmarks = Array(5).fill({ x: -3, y: 120 }) as unknown as Landmarks;
    expect(selectFaces([{ ...candidate(0, 0, 20, 20), landmarks }], PHOTO, everything)[0]!.landmarks).toEqual(
      landmarks,
    );
  });

  it('drops boxes outside the photo, without extent, or inside out', () => {
    const outside = [candidate(-50, 10, 40, 40), candidate(200, 10, 40, 40), candidate(10, 100, 40, 40)];
    expect(selectFaces([...outside, candidate(10, 10, 0, 20), candidate(50, 50, -20, 20)], PHOTO, everything)).toEqual(
      [],
    );
  });

  it('drops faces whose visible short side is below the least size, and keeps one of that very size', () => {
    const given = [candidate(10, 10, 20, 30), candidate(60, 10, 19.9, 30, 0.8), candidate(-15, 60, 30, 30, 0.7)];
    const faces = selectFaces(given, PHOTO, { ...everything, minFaceSize: 20 });
    expect(faces.map(({ score }) => score)).toEqual([0.9]);
  });

  it('keeps the best so many, counted after the others have been dropped', () => {
    const given = [
      candidate(-50, 0, 40, 40, 0.95), // outside
      candidate(0, 0, 20, 20, 0.6),
      candidate(1, 0, 20, 20, 0.5), // the one before, again
      candidate(60, 0, 20, 20, 0.8),
      candidate(120, 0, 20, 20, 0.7),
    ];
    const best = (maxFaces: number) => selectFaces(given, PHOTO, { ...everything, maxFaces }).map(({ score }) => score);
    expect(best(1)).toEqual([0.8]);
    expect(best(2)).toEqual([0.8, 0.7]);
    expect(best(Infinity)).toEqual([0.8, 0.7, 0.6]);
  });

  it('keeps the largest so many, the largest first, where the order is by size', () => {
    const given = [candidate(0, 0, 20, 20, 0.9), candidate(60, 0, 40, 30, 0.5), candidate(120, 0, 25, 25, 0.7)];
    const largest = (maxFaces: number) =>
      selectFaces(given, PHOTO, { ...everything, order: 'size', maxFaces }).map(({ score }) => score);
    expect(largest(2)).toEqual([0.5, 0.7]);
    expect(largest(Infinity)).toEqual([0.5, 0.7, 0.9]);
  });
});

describe('a flood of candidates', () => {
  it('is cut to the strongest before it is suppressed', () => {
    const candidates = Array.from({ length: 20_000 }, (_, at): Candidate => {
      const left = (at % 200) * 10;
      const top = Math.floor(at / 200) * 10;
      return { score: (at + 1) / 20_000, box: { left, top, right: left + 5, bottom: top + 5 }, landmarks: null };
    });
    const faces = selectFaces(
      candidates,
      { width: 2000, height: 1000 },
      { nmsThreshold: 0.4, minFaceSize: 0, maxFaces: Infinity, order: 'score' as const },
    );
    expect(faces).toHaveLength(5000);
    expect(faces[0]?.score).toBe(1);
    expect(faces.at(-1)?.score).toBe(15_001 / 20_000);
  });
});

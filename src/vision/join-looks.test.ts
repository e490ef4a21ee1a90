import { describe, expect, it } from 'vitest';
import type { Box } from './geometry.ts';
import { type Finding, joinLooks } from './join-looks.ts';
import type { Look } from './looks.ts';
import type { Candidate, Landmarks } from './scrfd.ts';

const PHOTO = { width: 1000, height: 800 };
const WHOLE: Box = { left: 0, top: 0, right: 1000, bottom: 800 };

function look(longSide: number, changes: Partial<Look> = {}): Look {
  return { turn: 0, tile: WHOLE, longSide, trusted: { from: 4, to: 100 }, votes: true, ...changes };
}

function face(score: number, left: number, top: number, size: number): Candidate {
  const landmarks = Array(5).fill({ x: score, y: 0 }) as unknown as Landmarks;
  return { score, box: { left, top, right: left + size, bottom: top + size }, landmarks };
}

const join = (...findings: [Look, ...Candidate[]][]) =>
  joinLooks(
    findings.map(([from, ...candidates]): Finding => ({ look: from, candidates })),
    PHOTO,
    0.4,
  ).toSorted((a, b) => b.score - a.score);

describe('the vote of two looks', () => {
  it('makes one candidate of a face that both find: mean score, mean box, landmarks of the better', () => {
    const [joined, ...others] = join([look(1000), face(0.8, 100, 100, 30)], [look(500), face(0.4, 106, 100, 30)]);
    expect(others).toEqual([]);
    // Halfway between the best, .8, and the mean, .6. The other's box weighs half of .4 against .8.
    expect(joined!.score).toBeCloseTo(0.7);
    expect(joined!.box.left).toBeCloseTo(100 + 6 * (0.2 / 1));
    expect(joined!.landmarks![0].x).toBe(0.8);
  });

  it('doubts a face that one of them misses', () => {
    expect(join([look(1000), face(0.8, 100, 100, 30)], [look(500)])[0]!.score).toBeCloseTo(0.6);
  });

  it('does not doubt a face that is too small for the other to see', () => {
    expect(join([look(1000), face(0.8, 100, 100, 7)], [look(500)])[0]!.score).toBeCloseTo(0.8);
  });

  it('does not doubt a face beyond what the other is trusted with', () => {
    const usual = look(500, { trusted: { from: 4, to: Infinity } });
    expect(join([usual, face(0.8, 100, 100, 300)], [look(1000)])[0]!.score).toBeCloseTo(0.8);
  });

  it('does not doubt a face where the other did not look', () => {
    const tile = look(1000, { tile: { left: 0, top: 0, right: 400, bottom: 800 } });
    expect(join([look(500), face(0.8, 600, 100, 40)], [tile])[0]!.score).toBeCloseTo(0.8);
    expect(join([look(500), face(0.8, 300, 100, 40)], [tile])[0]!.score).toBeCloseTo(0.6);
  });

  it('leaves neighbors apart', () => {
    const joined = join(
      [look(1000), face(0.8, 100, 100, 30), face(0.7, 135, 100, 30)],
      [look(500), face(0.8, 100, 100, 30), face(0.7, 135, 100, 30)],
    );
    expect(joined.map(({ score }) => score)).toEqual([expect.closeTo(0.8), expect.closeTo(0.7)]);
  });
});

describe('the small look', () => {
  const small = look(400, { trusted: { from: 100, to: Infinity }, votes: false });

  it('adds large faces as they are, and no small ones', () => {
    expect(join([look(1000)], [look(500)], [small, face(0.9, 0, 0, 600), face(0.9, 700, 0, 200)])).toEqual([
      face(0.9, 0, 0, 600),
    ]);
  });

  it('beside one other look changes nothing of what that finds', () => {
    const candidates = [face(0.9, 10, 10, 40), face(0.8, 12, 10, 40)];
    expect(join([look(1000), ...candidates], [small])).toEqual(candidates);
  });
});

describe('tiles', () => {
  const tiles = [
    look(1000, { tile: { left: 0, top: 0, right: 600, bottom: 800 } }),
    look(1000, { tile: { left: 400, top: 0, right: 1000, bottom: 800 } }),
  ] as const;

  it('have one vote together: a face in their overlap counts once', () => {
    const joined = join(
      [tiles[0], face(0.8, 500, 100, 40)],
      [tiles[1], face(0.7, 501, 100, 40)],
      [look(500), face(0.8, 500, 100, 40)],
    );
    expect(joined.map(({ score }) => score)).toEqual([expect.closeTo(0.8)]);
  });

  it('a box that an inner edge cuts yields to the whole one, even if it is the better', () => {
    const whole = face(0.6, 570, 100, 80);
    const cut = { ...face(0.9, 570, 100, 30), box: { left: 570, top: 100, right: 600, bottom: 180 } };
    expect(join([tiles[0], cut], [tiles[1], whole])).toEqual([whole]);
  });

  it('a box that an inner edge cuts stays where there is no whole one', () => {
    const cut = { ...face(0.9, 570, 100, 30), box: { left: 570, top: 100, right: 600, bottom: 180 } };
    expect(join([tiles[0], cut], [tiles[1], face(0.9, 700, 100, 80)])).toContainEqual(cut);
    expect(join([tiles[0], cut], [tiles[1], face(0.2, 570, 100, 80)])).toContainEqual(cut);
  });

  it('a box at the border of the photo is not cut', () => {
    const inside = { ...face(0.9, 0, 100, 20), box: { left: 0, top: 100, right: 20, bottom: 160 } };
    expect(join([tiles[0], inside, face(0.8, 0, 95, 70)], [tiles[1]])).toContainEqual(inside);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordedMask } from '../storage/job.ts';
import { coverage } from '../vision/mask.ts';
import { countOthers, uncovers, withOrigins } from './mask-lists.ts';

const PHOTO = { width: 24, height: 18 };

const mask = fc
  .record({
    left: fc.integer({ min: -4, max: 20 }),
    top: fc.integer({ min: -4, max: 14 }),
    width: fc.integer({ min: 1, max: 16 }),
    height: fc.integer({ min: 1, max: 16 }),
    part: fc.constantFrom(0, 0.25, 0.5),
    shape: fc.constantFrom('ellipse' as const, 'box' as const),
    frame: fc.constantFrom(undefined, 0, 1),
  })
  .map(({ left, top, width, height, part, shape, frame }): RecordedMask => ({
    left: left + part,
    top,
    right: left + part + width,
    bottom: top + height,
    shape,
    origin: 'detected',
    ...(frame !== undefined && { frame }),
  }));
const masks = fc.array(mask, { maxLength: 4 });

/** One byte per pixel of a frame */
function covered(list: readonly RecordedMask[], frame: number): Uint8Array {
  const shown = list.filter((each) => each.frame === undefined || each.frame === frame);
  return coverage(
    shown.map(({ shape, ...box }) => ({ kind: shape, box })),
    PHOTO,
  );
}

describe('a change of a list of masks', () => {
  it('uncovers exactly if a pixel of some frame is masked before and not after', () => {
    fc.assert(
      fc.property(masks, masks, fc.array(fc.nat(3)), (before, fresh, kept) => {
        const after = [...fresh, ...before.filter((_, at) => kept.includes(at))];
        // The third stands for all frames that no mask names.
        const isBare = [0, 1, 2].some((frame) => {
          const now = covered(after, frame);
          return covered(before, frame).some((byte, at) => byte === 1 && now[at] === 0);
        });
        expect(uncovers(before, after, PHOTO)).toBe(isBare);
      }),
      { numRuns: 500 },
    );
  });

  it('uncovers nothing if masks are only added, split into parts that cover the same, or put in another order', () => {
    const whole: RecordedMask = { left: 2, top: 2, right: 10, bottom: 10, shape: 'box', origin: 'detected' };
    const halves = [
      { ...whole, right: 6 },
      { ...whole, left: 6 },
    ];
    const other = { ...whole, left: 12, right: 15 };
    expect(uncovers([whole], [whole, other], PHOTO)).toBe(false);
    expect(uncovers([whole], halves, PHOTO)).toBe(false);
    expect(uncovers([whole, other], [other, whole], PHOTO)).toBe(false);
    expect(uncovers([whole], [{ ...whole, shape: 'ellipse' }], PHOTO)).toBe(true);
    expect(uncovers([whole], [], PHOTO)).toBe(true);
  });

  it('keeps the origin of the masks that it keeps; all others were added', () => {
    const known: RecordedMask = { left: 1, top: 1, right: 3, bottom: 3, shape: 'ellipse', origin: 'uncertain' };
    const { origin, ...wanted } = known;
    const moved = { ...wanted, left: 2 };
    expect(withOrigins([wanted, moved], [known])).toEqual([
      { ...wanted, origin },
      { ...moved, origin: 'added' },
    ]);
    expect(
      countOthers(
        [wanted, moved].map((each) => ({ ...each, origin })),
        [known],
      ),
    ).toBe(1);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anySmallPhoto, noise } from '../../test/fixtures/shapes.ts';
import type { Landmarks } from './scrfd.ts';
import { turnBack, turnedSize, turnPixels, TURNS } from './turn.ts';

describe('turning pixels clockwise', () => {
  const photo = {
    width: 3,
    height: 2,
    channels: 3 as const,
    data: Uint8Array.from([1, 2, 3, 4, 5, 6].flatMap((n) => [n, n, n])),
  };
  const rows = (turn: (typeof TURNS)[number]) => [...turnPixels(photo, turn).data].filter((_, at) => at % 3 === 0);

  it('is as worked out by hand', () => {
    expect(rows(0)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(rows(90)).toEqual([4, 1, 5, 2, 6, 3]);
    expect(rows(180)).toEqual([6, 5, 4, 3, 2, 1]);
    expect(rows(270)).toEqual([3, 6, 2, 5, 1, 4]);
  });

  it('and by what is left of a full turn gives the photo again', () => {
    fc.assert(
      fc.property(
        anySmallPhoto,
        fc.constantFrom(3 as const, 4 as const),
        fc.constantFrom(90 as const, 180 as const, 270 as const),
        (size, channels, turn) => {
          const given = noise(size, channels, 1);
          const turned = turnPixels(given, turn);
          expect(turned).toMatchObject(turnedSize(size, turn));
          expect(turnPixels(turned, turn === 180 ? 180 : turn === 90 ? 270 : 90)).toEqual(given);
        },
      ),
    );
  });
});

describe('turning a candidate back', () => {
  it.each(TURNS)('puts it where its pixels come from (%i)', (turn) => {
    fc.assert(
      fc.property(
        anySmallPhoto.chain((size) =>
          fc.record({ size: fc.constant(size), x: fc.nat(size.width - 1), y: fc.nat(size.height - 1) }),
        ),
        ({ size, x, y }) => {
          const data = new Uint8Array(size.width * size.height * 3);
          data[3 * (y * size.width + x)] = 255;
          const turned = turnPixels({ ...size, channels: 3, data }, turn);
          const at = turned.data.indexOf(255) / 3;
          const [left, top] = [at % turned.width, Math.floor(at / turned.width)];
          const landmarks = Array(5).fill({ x: left + 0.5, y: top + 0.5 }) as unknown as Landmarks;
          const candidate = { score: 1, box: { left, top, right: left + 1, bottom: top + 1 }, landmarks };
          expect(turnBack(candidate, turn, size)).toEqual({
            score: 1,
            box: { left: x, top: y, right: x + 1, bottom: y + 1 },
            landmarks: Array(5).fill({ x: x + 0.5, y: y + 0.5 }),
          });
        },
      ),
    );
  });
});

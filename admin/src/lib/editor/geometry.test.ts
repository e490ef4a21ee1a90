import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  around,
  type Box,
  bounded,
  boxToScreen,
  drawn,
  fitted,
  handleAt,
  HANDLES,
  handlesOf,
  heightOf,
  MIN_SIDE,
  moved,
  pinched,
  resized,
  revealing,
  smallestAt,
  toImage,
  toScreen,
  widthOf,
  zoomed,
} from './geometry.ts';

const IMAGE = { width: 640, height: 480 };
const ROOM = { width: 1000, height: 600 };

const anyPoint = fc.record({
  x: fc.double({ min: -2000, max: 2000, noNaN: true }),
  y: fc.double({ min: -2000, max: 2000, noNaN: true }),
});
const anyView = fc.record({
  scale: fc.double({ min: 0.01, max: 32, noNaN: true }),
  x: fc.double({ min: -5000, max: 5000, noNaN: true }),
  y: fc.double({ min: -5000, max: 5000, noNaN: true }),
});
/** Inside the image, at least one pixel wide and high */
const anyBox: fc.Arbitrary<Box> = fc
  .record({
    left: fc.double({ min: 0, max: IMAGE.width - 1, noNaN: true }),
    top: fc.double({ min: 0, max: IMAGE.height - 1, noNaN: true }),
    width: fc.double({ min: 1, max: IMAGE.width, noNaN: true }),
    height: fc.double({ min: 1, max: IMAGE.height, noNaN: true }),
  })
  .map(({ left, top, width, height }) => ({
    left,
    top,
    right: Math.min(IMAGE.width, left + width),
    bottom: Math.min(IMAGE.height, top + height),
  }));

const expectInside = ({ left, top, right, bottom }: Box) => {
  expect(left).toBeGreaterThanOrEqual(0);
  expect(top).toBeGreaterThanOrEqual(0);
  expect(right).toBeLessThanOrEqual(IMAGE.width + 1e-9);
  expect(bottom).toBeLessThanOrEqual(IMAGE.height + 1e-9);
};

describe('boxes', () => {
  it('stay inside the image and keep their size when they are moved', () => {
    fc.assert(
      fc.property(anyBox, anyPoint, (box, by) => {
        const after = moved(box, by, IMAGE);
        expectInside(after);
        expect(widthOf(after)).toBeCloseTo(widthOf(box), 9);
        expect(heightOf(after)).toBeCloseTo(heightOf(box), 9);
      }),
    );
  });

  it('are never empty and never beyond the image after they were resized', () => {
    fc.assert(
      fc.property(anyBox, fc.array(fc.tuple(fc.constantFrom(...HANDLES), anyPoint), { maxLength: 8 }), (box, steps) => {
        const after = steps.reduce((now, [handle, by]) => resized(now, handle, by, IMAGE), box);
        expectInside(after);
        expect(widthOf(after)).toBeGreaterThanOrEqual(1);
        expect(heightOf(after)).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  it('keep the sides that a handle does not move', () => {
    const box = { left: 10.5, top: 20.25, right: 60.5, bottom: 90.75 };
    expect(resized(box, 'e', { x: 4, y: 99 }, IMAGE)).toEqual({ ...box, right: 65 });
    expect(resized(box, 'nw', { x: -3, y: -2 }, IMAGE)).toEqual({ ...box, left: 8, top: 18 });
    expect(resized(box, 'w', { x: 500, y: 0 }, IMAGE)).toEqual({ ...box, left: 60.5 - MIN_SIDE });
  });

  it('are drawn from any corner, and not by a mere click', () => {
    const box = { left: 20, top: 30, right: 100, bottom: 90 };
    for (const [from, to] of [
      [
        { x: 20, y: 30 },
        { x: 100.3, y: 90.2 },
      ],
      [
        { x: 100, y: 30 },
        { x: 19.8, y: 90 },
      ],
    ] as const) {
      expect(drawn(from, to, IMAGE)).toEqual(box);
      expect(drawn(to, from, IMAGE)).toEqual(box);
    }
    expect(drawn({ x: 20, y: 30 }, { x: 21, y: 200 }, IMAGE)).toBeUndefined();
    expect(drawn({ x: -50, y: -50 }, { x: 9000, y: 9000 }, IMAGE)).toEqual({
      left: 0,
      top: 0,
      right: 640,
      bottom: 480,
    });
  });

  it('are put around a point, inside the image', () => {
    fc.assert(
      fc.property(
        anyPoint,
        fc.integer({ min: 1, max: 900 }),
        fc.integer({ min: 1, max: 900 }),
        (center, width, height) => {
          expectInside(around(center, { width, height }, IMAGE));
        },
      ),
    );
  });

  it('are found at a point: the smallest of those there', () => {
    const items = [
      { id: 'large', box: { left: 0, top: 0, right: 200, bottom: 200 } },
      { id: 'small', box: { left: 50, top: 50, right: 80, bottom: 90 } },
    ];
    expect(smallestAt(items, { x: 60, y: 60 })?.id).toBe('small');
    expect(smallestAt(items, { x: 10, y: 10 })?.id).toBe('large');
    expect(smallestAt(items, { x: 300, y: 10 })).toBeUndefined();
  });
});

describe('the view', () => {
  it('gives the point of the image for the screen and back', () => {
    fc.assert(
      fc.property(anyView, anyPoint, (view, point) => {
        const back = toScreen(view, toImage(view, point));
        expect(back.x).toBeCloseTo(point.x, 6);
        expect(back.y).toBeCloseTo(point.y, 6);
      }),
    );
  });

  it('keeps the point under the pointer when it zooms', () => {
    fc.assert(
      fc.property(anyView, anyPoint, fc.double({ min: 0.1, max: 10, noNaN: true }), (view, at, factor) => {
        const point = toImage(view, at);
        const after = toScreen(zoomed(view, factor, at), point);
        expect(after.x).toBeCloseTo(at.x, 4);
        expect(after.y).toBeCloseTo(at.y, 4);
      }),
    );
  });

  it('keeps the image under two fingers', () => {
    const view = { scale: 2, x: -40, y: 30 };
    const from = [
      { x: 100, y: 100 },
      { x: 200, y: 100 },
    ] as const;
    const to = [
      { x: 80, y: 160 },
      { x: 280, y: 160 },
    ] as const;
    const after = pinched(view, from, to);
    expect(after.scale).toBe(4);
    for (const finger of [0, 1] as const) {
      const shown = toScreen(after, toImage(view, from[finger]));
      expect(shown.x).toBeCloseTo(to[finger].x, 9);
      expect(shown.y).toBeCloseTo(to[finger].y, 9);
    }
  });

  it('always shows a part of the image, and all of it at least', () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const after = bounded(view, IMAGE, ROOM);
        expect(after.scale).toBeGreaterThanOrEqual(fitted(IMAGE, ROOM).scale);
        const shown = boxToScreen(after, { left: 0, top: 0, right: IMAGE.width, bottom: IMAGE.height });
        expect(shown.left).toBeLessThan(ROOM.width / 2);
        expect(shown.right).toBeGreaterThan(ROOM.width / 2);
        expect(shown.top).toBeLessThan(ROOM.height / 2);
        expect(shown.bottom).toBeGreaterThan(ROOM.height / 2);
        const again = bounded(after, IMAGE, ROOM);
        expect(again.x).toBeCloseTo(after.x, 6);
        expect(again.y).toBeCloseTo(after.y, 6);
      }),
    );
  });

  it('goes to a box that is out of sight, and stays if it is in sight', () => {
    const view = { scale: 4, x: 0, y: 0 };
    const near = { left: 10, top: 10, right: 50, bottom: 50 };
    expect(revealing(view, near, ROOM)).toBe(view);
    const after = boxToScreen(revealing(view, { left: 400, top: 300, right: 440, bottom: 340 }, ROOM), {
      left: 400,
      top: 300,
      right: 440,
      bottom: 340,
    });
    expect((after.left + after.right) / 2).toBe(500);
  });
});

describe('handles', () => {
  const view = { scale: 1, x: 0, y: 0 };

  it('never cover the middle of a box, however small it is, and do not cover each other', () => {
    fc.assert(
      fc.property(anyBox, fc.constantFrom(12, 22), (box, reach) => {
        const center = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
        expect(handleAt(view, box, reach, center)).toBeUndefined();
        const handles = handlesOf(view, box, reach);
        for (const [index, a] of handles.entries()) {
          for (const b of handles.slice(index + 1)) {
            expect(Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y))).toBeGreaterThanOrEqual(2 * reach);
          }
        }
      }),
    );
  });

  it('lie in the corners and in the middle of the sides of a large box', () => {
    const box = { left: 100, top: 100, right: 300, bottom: 300 };
    expect(handlesOf(view, box, 12)).toHaveLength(8);
    expect(handleAt(view, box, 12, { x: 108, y: 95 })).toBe('nw');
    expect(handleAt(view, box, 12, { x: 300, y: 205 })).toBe('e');
    expect(handleAt(view, box, 12, { x: 150, y: 150 })).toBeUndefined();
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBox, anyRegion, anyShape, anySmallPhoto } from '../../test/fixtures/shapes.ts';
import type { BlockGrid, GridAxis } from './block-grid.ts';
import { type Box, clipBox, overlap, type Size, union } from './geometry.ts';
import {
  connectedGroups,
  coverage,
  CoveredRows,
  isBare,
  type MaskShape,
  onGrid,
  pixelBounds,
  planMask,
  planWholeMask,
  rowSpan,
  wholeFace,
} from './mask.ts';

const box = (left: number, top: number, right: number, bottom: number): Box => ({ left, top, right, bottom });

/** Covered pixels as text, a line per row. */
function drawn(shapes: readonly MaskShape[], photo: Size): string[] {
  const covered = coverage(shapes, photo);
  return Array.from({ length: photo.height }, (_, y) =>
    Array.from({ length: photo.width }, (_, x) => '.#'[covered[y * photo.width + x]!]).join(''),
  );
}

describe('planning a mask', () => {
  const options = { shape: 'ellipse', padding: 0.25 } as const;
  const face = box(100, 200, 140, 260);

  it('grows a face on each side by the share of its width and height', () => {
    expect(planMask([face], [], options)).toEqual([{ kind: 'ellipse', box: box(90, 185, 150, 275) }]);
    expect(planMask([face], [], { shape: 'box', padding: 0 })).toEqual([{ kind: 'box', box: face }]);
  });

  it('adds the caller’s regions as boxes, unpadded', () => {
    expect(planMask([], [{ ...box(1, 2, 3, 4), keep: false }, box(5, 6, 7, 8)], options)).toEqual([
      { kind: 'box', box: box(1, 2, 3, 4) },
      { kind: 'box', box: box(5, 6, 7, 8) },
    ]);
  });

  it('leaves out faces whose center lies in a region to keep, and masks no such region', () => {
    const other = box(0, 0, 10, 10);
    const kept = { ...box(119, 229, 121, 231), keep: true };
    expect(planMask([face, other], [kept], options)).toEqual(planMask([other], [], options));
  });

  it('masks a face that a region to keep merely overlaps', () => {
    const beside = { ...box(0, 0, 119, 300), keep: true };
    expect(planMask([face], [beside], options)).toEqual(planMask([face], [], options));
  });

  it('leaves out the face whose box is to be kept, and none that is in front of it or behind it', () => {
    const kept = { ...face, keep: true, isFace: true } as const;
    const found = { ...face, left: face.left + 3 };
    const [inFront, behind] = [box(110, 215, 130, 245), box(70, 160, 170, 300)];
    expect(planMask([found, inFront, behind], [kept], options)).toEqual(planMask([inFront, behind], [], options));
  });

  it('masks a region even where another one is to be kept', () => {
    const everywhere = { ...box(0, 0, 1000, 1000), keep: true };
    expect(planMask([face], [everywhere, box(1, 2, 3, 4)], options)).toEqual([{ kind: 'box', box: box(1, 2, 3, 4) }]);
  });
});

describe('the pixels that a shape covers', () => {
  const photo = { width: 6, height: 4 };

  it('reach the last row and column of the photo', () => {
    expect(drawn([{ kind: 'box', box: box(4, 2, 6, 4) }], photo)).toEqual(['......', '......', '....##', '....##']);
    expect(drawn([{ kind: 'box', box: box(-9, -9, 99, 99) }], photo)).toEqual(Array(4).fill('######'));
    expect(drawn([{ kind: 'ellipse', box: box(-9, -9, 15, 13) }], photo)).toEqual(Array(4).fill('######'));
  });

  it('include every pixel that a box touches, however little', () => {
    expect(drawn([{ kind: 'box', box: box(1.99, 0.99, 3.01, 2.01) }], photo)).toEqual([
      '.###..',
      '.###..',
      '.###..',
      '......',
    ]);
  });

  it('follow an ellipse, wherever it touches a pixel', () => {
    expect(drawn([{ kind: 'ellipse', box: box(1, 1, 10, 8) }], { width: 11, height: 9 })).toEqual([
      '...........',
      '..#######..',
      '.#########.',
      '.#########.',
      '.#########.',
      '.#########.',
      '.#########.',
      '..#######..',
      '...........',
    ]);
  });

  it('are at least one for the smallest ellipse inside the photo', () => {
    const tiny = fc.record({
      x: fc.double({ min: 0, max: 5.9, noNaN: true }),
      y: fc.double({ min: 0, max: 3.9, noNaN: true }),
    });
    fc.assert(
      fc.property(tiny, ({ x, y }) => {
        const covered = coverage([{ kind: 'ellipse', box: box(x, y, x + 0.1, y + 0.1) }], photo);
        expect(covered[Math.floor(y) * photo.width + Math.floor(x)]).toBe(1);
      }),
    );
  });

  it.each([
    ['left', box(-8, 0, 0, 4)],
    ['above', box(0, -8, 6, 0)],
    ['right', box(6, 0, 12, 4)],
    ['below', box(0, 4, 6, 9)],
    ['far away', box(-900, 700, -800, 800)],
  ])('are none for a shape that lies %s of the photo', (_, outside) => {
    for (const kind of ['box', 'ellipse'] as const)
      expect(drawn([{ kind, box: outside }], photo)).toEqual(Array(4).fill('......'));
  });

  it('are for a box those whose square it meets, for any box', () => {
    fc.assert(
      fc.property(anyRegion, anySmallPhoto, (bounds, size) => {
        const covered = coverage([{ kind: 'box', box: bounds }], size);
        for (let y = 0; y < size.height; y++) {
          for (let x = 0; x < size.width; x++) {
            const meets = overlap(bounds, box(x, y, x + 1, y + 1));
            expect(covered[y * size.width + x]).toBe(meets ? 1 : 0);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are for an ellipse at least those whose center lies in it, and none farther than a pixel from it', () => {
    fc.assert(
      fc.property(anyRegion, anySmallPhoto, (bounds, size) => {
        const covered = coverage([{ kind: 'ellipse', box: bounds }], size);
        const [radiusX, radiusY] = [(bounds.right - bounds.left) / 2, (bounds.bottom - bounds.top) / 2];
        const from = (x: number, y: number, more: number) =>
          ((x + 0.5 - bounds.left - radiusX) / (radiusX + more)) ** 2 +
          ((y + 0.5 - bounds.top - radiusY) / (radiusY + more)) ** 2;
        for (let y = 0; y < size.height; y++) {
          for (let x = 0; x < size.width; x++) {
            if (from(x, y, 0) < 1 - 1e-9) expect(covered[y * size.width + x]).toBe(1);
            if (from(x, y, 1) > 1 + 1e-9) expect(covered[y * size.width + x]).toBe(0);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('hold the whole box of the face for an ellipse with a padding from 0.21', () => {
    const face = fc
      .tuple(
        fc.double({ min: -20, max: 40, noNaN: true }),
        fc.double({ min: -20, max: 40, noNaN: true }),
        fc.double({ min: 1, max: 60, noNaN: true }),
        fc.double({ min: 1, max: 60, noNaN: true }),
      )
      .map(([left, top, width, height]) => box(left, top, left + width, top + height));
    const padding = fc.double({ min: 0.21, max: 2, noNaN: true });
    fc.assert(
      fc.property(face, padding, anySmallPhoto, (bounds, share, size) => {
        const covered = coverage(planMask([bounds], [], { shape: 'ellipse', padding: share }), size);
        const ofFace = coverage([{ kind: 'box', box: bounds }], size);
        expect(ofFace.every((inFace, pixel) => inFace === 0 || covered[pixel] === 1)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('are those of all shapes together', () => {
    fc.assert(
      fc.property(fc.array(anyShape, { maxLength: 4 }), anySmallPhoto, (shapes, size) => {
        const each = shapes.map((shape) => coverage([shape], size));
        const together = coverage(shapes, size);
        expect(together).toEqual(together.map((_, pixel) => (each.some((one) => one[pixel] === 1) ? 1 : 0)));
      }),
      { numRuns: 50 },
    );
  });
});

describe('the covered rows of shapes', () => {
  const anyAxis: fc.Arbitrary<GridAxis> = fc.record({
    size: fc.constantFrom(8, 16),
    offset: fc.nat(7),
    before: fc.nat(11),
    after: fc.nat(2),
  });
  const anyGrid: fc.Arbitrary<BlockGrid | 'lossless'> = fc.oneof(
    fc.constant('lossless' as const),
    fc.record({ x: anyAxis, y: anyAxis }),
  );

  it('are where the rows of any of them are, grown to blocks or not', () => {
    fc.assert(
      fc.property(fc.array(anyShape, { maxLength: 6 }), anyGrid, anySmallPhoto, (bare, grid, size) => {
        const shapes = onGrid(bare, grid);
        const rows = new CoveredRows(shapes, size);
        for (let y = 0; y < size.height; y++) {
          const expected = new Uint8Array(size.width);
          for (const shape of shapes) expected.fill(1, ...rowSpan(shape, y, size));
          const [from, to] = rows.at(y);
          const covered = new Uint8Array(size.width);
          covered.set(rows.inside.subarray(from, to), from);
          expect(covered).toEqual(expected);
          const bySpans = new Uint8Array(size.width);
          for (const [start, end] of rows.spans(y)) bySpans.fill(1, start, end);
          expect(bySpans).toEqual(expected);
          if (expected.includes(1)) expect(y >= rows.top && y < rows.bottom).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a row of a shape', () => {
  it('is a span within the shape’s bounds and the photo, and empty where the shape covers nothing', () => {
    fc.assert(
      fc.property(anyShape, anySmallPhoto, fc.integer({ min: -3, max: 40 }), (shape, size, y) => {
        const bounds = pixelBounds(shape, size);
        const [from, to] = rowSpan(shape, y, size);
        // An empty span must be safe to fill: fill(1, 0, −3) would count from the end.
        expect(from).toBeGreaterThanOrEqual(0);
        expect(to).toBeGreaterThanOrEqual(from);
        expect(to).toBeLessThanOrEqual(size.width);
        if (to > from) {
          expect(from).toBeGreaterThanOrEqual(bounds.left);
          expect(to).toBeLessThanOrEqual(bounds.right);
          expect(y).toBeGreaterThanOrEqual(bounds.top);
          expect(y).toBeLessThan(bounds.bottom);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('groups of connected shapes', () => {
  const meet = (a: MaskShape, b: MaskShape) => overlap(a.box, b.box);
  const shape = (left: number, right: number): MaskShape => ({ kind: 'box', box: box(left, 0, right, 10) });

  it('join shapes that meet through a third one, whatever the order', () => {
    const [a, b, bridge, alone] = [shape(0, 10), shape(18, 30), shape(9, 19), shape(40, 50)];
    for (const order of [
      [a, b, bridge, alone],
      [alone, bridge, b, a],
      [b, alone, a, bridge],
    ]) {
      const groups = connectedGroups(order).map((group) => new Set(group));
      expect(groups).toHaveLength(2);
      expect(groups).toContainEqual(new Set([a, b, bridge]));
      expect(groups).toContainEqual(new Set([alone]));
    }
  });

  it('do not join shapes that touch at an edge', () => {
    expect(connectedGroups([shape(0, 10), shape(10, 20)])).toHaveLength(2);
  });

  it('join shapes within the bounds of a group, so that no pixel is looked at for two', () => {
    const sides: Box[] = [box(0, 0, 30, 2), box(0, 0, 2, 30), box(28, 0, 30, 30), box(0, 28, 30, 30)];
    const frame = sides.map((side): MaskShape => ({ kind: 'box', box: side }));
    const inside: MaskShape = { kind: 'box', box: box(12, 12, 18, 18) };
    for (const order of [
      [...frame, inside],
      [inside, ...frame],
    ]) {
      expect(connectedGroups(order)).toHaveLength(1);
    }
  });

  it('hold each shape once, whatever meets together, and their bounds do not meet', () => {
    fc.assert(
      fc.property(fc.array(anyShape, { maxLength: 12 }), (shapes) => {
        const groups = connectedGroups(shapes);
        expect(groups.flat().length).toBe(shapes.length);
        expect(new Set(groups.flat())).toEqual(new Set(shapes));
        const bounds = groups.map((group) => group.map((shape) => shape.box).reduce(union));
        for (const [index, one] of bounds.entries()) {
          for (const other of bounds.slice(index + 1)) expect(overlap(one, other)).toBe(false);
        }
        for (const one of shapes) {
          for (const other of shapes.filter((another) => meet(one, another))) {
            expect(groups.find((group) => group.includes(one))).toContain(other);
          }
        }
      }),
    );
  });
});

describe('a face is bare', () => {
  const photo = { width: 60, height: 60 };
  const face = box(20, 10, 40, 40);
  const points = (...at: [number, number][]) => at.map(([x, y]) => ({ x, y }));
  const covering = (...boxes: Box[]) =>
    coverage(
      boxes.map((covered) => ({ kind: 'box' as const, box: covered })),
      photo,
    );

  it('unless 95 % of its box are covered', () => {
    const toHide = { box: face, landmarks: null };
    expect(isBare(toHide, covering(), photo)).toBe(true);
    expect(isBare(toHide, covering(box(20, 25, 40, 40)), photo)).toBe(true);
    expect(isBare(toHide, covering(box(20, 12, 40, 40)), photo)).toBe(true);
    expect(isBare(toHide, covering(box(20, 11, 40, 40)), photo)).toBe(false);
    expect(isBare(toHide, covering(face), photo)).toBe(false);
  });

  it('where one of its landmarks is, in its box or beside it', () => {
    const covered = covering(box(20, 11, 40, 40));
    expect(isBare({ box: face, landmarks: points([25, 11], [39.9, 39.9]) }, covered, photo)).toBe(false);
    expect(isBare({ box: face, landmarks: points([25, 11], [30, 10.9]) }, covered, photo)).toBe(true);
    expect(isBare({ box: face, landmarks: points([25, 20], [41, 20]) }, covered, photo)).toBe(true);
  });

  it('not for a landmark outside the photo, where nothing is to be seen', () => {
    const atBorder = { box: box(0, 10, 20, 40), landmarks: points([-3, 20], [5, 20]) };
    expect(isBare(atBorder, covering(atBorder.box), photo)).toBe(false);
  });

  it('never after it was masked whole, by whatever shape and padding', () => {
    const point = fc.record({
      x: fc.double({ min: -9, max: 45, noNaN: true }),
      y: fc.double({ min: -9, max: 45, noNaN: true }),
    });
    fc.assert(
      fc.property(
        anySmallPhoto,
        anyBox,
        fc.option(fc.array(point, { minLength: 5, maxLength: 5 })),
        fc.constantFrom('ellipse', 'box'),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (size, anywhere, landmarks, shape, padding) => {
          const found = { box: clipBox(anywhere, size), landmarks };
          fc.pre(found.box.right > found.box.left && found.box.bottom > found.box.top);
          const shapes = planWholeMask([wholeFace(found, size)], { shape, padding });
          expect(isBare(found, coverage(shapes, size), size)).toBe(false);
        },
      ),
    );
  });

  it('never after it was masked with the default padding, but for landmarks beside its box', () => {
    fc.assert(
      fc.property(anySmallPhoto, anyBox, (size, anywhere) => {
        const found = { box: clipBox(anywhere, size), landmarks: null };
        fc.pre(found.box.right > found.box.left && found.box.bottom > found.box.top);
        const shapes = planMask([found.box], [], { shape: 'ellipse', padding: 0.25 });
        expect(isBare(found, coverage(shapes, size), size)).toBe(false);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../test/fixtures/random.ts';
import { anyShape, anySmallPhoto, noise } from '../../test/fixtures/shapes.ts';
import type { Box, Size } from './geometry.ts';
import { coverage, type MaskShape, planMask } from './mask.ts';
import { drawOutlines } from './outline.ts';
import { MAX_MOSAIC_CELLS, type MaskStyle, paintMask } from './paint.ts';
import type { Raster } from './raster.ts';

const METHODS = ['blur', 'pixelate', 'solid'] as const;
const RGB_OR_RGBA = fc.constantFrom<3 | 4>(3, 4);
const strength = fc.double({ min: 0, max: 1, noNaN: true });
const colorValue = fc.nat(255);

const anyStyle = (method: MaskStyle['method']): fc.Arbitrary<MaskStyle> =>
  fc.record({
    method: fc.constant(method),
    color: fc.tuple(colorValue, colorValue, colorValue),
    strength,
    mark: fc.boolean(),
  });

const style = (method: MaskStyle['method'], strength = 0.5): MaskStyle => ({
  method,
  color: [1, 2, 3],
  strength,
  mark: false,
});

/** A photo of noise and what of it is covered. */
const anyScene = fc.record({
  photo: anySmallPhoto,
  shapes: fc.array(anyShape, { minLength: 1, maxLength: 5 }),
  channels: RGB_OR_RGBA,
  seed: fc.nat(),
});

const copied = (raster: Raster): Raster => ({ ...raster, data: raster.data.slice() });

function painted(photo: Raster, shapes: readonly MaskShape[], maskStyle: MaskStyle): Raster {
  const result = copied(photo);
  paintMask(result, shapes, maskStyle);
  return result;
}

/** Sets each covered pixel to what `color` gives for it. */
function recolored(photo: Raster, covered: Uint8Array, color: () => readonly number[]): Raster {
  const result = copied(photo);
  covered.forEach((inside, pixel) => {
    if (inside === 1) result.data.set(color().slice(0, photo.channels), pixel * photo.channels);
  });
  return result;
}

const pixelsOf = ({ data, channels }: Raster) =>
  Array.from({ length: data.length / channels }, (_, pixel) => data.subarray(pixel * channels, (pixel + 1) * channels));

const same = (a: Uint8Array, b: Uint8Array) => a.every((value, index) => value === b[index]);

const bytes = ({ data }: Raster) => Buffer.from(data.buffer, data.byteOffset, data.length);

describe.each(METHODS)('whatever the shapes, %s', (method) => {
  it('takes nothing from the covered pixels: photos that differ only there come out byte for byte the same', () => {
    fc.assert(
      fc.property(anyScene, anyStyle(method), ({ photo, shapes, channels, seed }, maskStyle) => {
        const one = noise(photo, channels, seed);
        const random = seededRandom(seed + 1);
        const other = recolored(one, coverage(shapes, photo), () =>
          Array.from({ length: channels }, () => Math.floor(random.next() * 256)),
        );
        expect(bytes(painted(one, shapes, maskStyle)).equals(bytes(painted(other, shapes, maskStyle)))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('takes nothing from the covered pixels where they are the whole photo', () => {
    fc.assert(
      fc.property(anySmallPhoto, RGB_OR_RGBA, fc.nat(), anyStyle(method), (photo, channels, seed, maskStyle) => {
        const whole: MaskShape = { kind: 'box', box: { left: 0, top: 0, right: photo.width, bottom: photo.height } };
        const results = [seed, seed + 1].map((each) => painted(noise(photo, channels, each), [whole], maskStyle));
        expect(bytes(results[0]!).equals(bytes(results[1]!))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('replaces every covered pixel, to the last row and column', () => {
    // Surroundings with no red and no more than a little blue: no mixture of them, nor the gray that stands in where
    // there are none, comes near the magenta inside.
    const inside = [255, 0, 255, 255];
    fc.assert(
      fc.property(anyScene, strength, ({ photo, shapes, channels, seed }, much) => {
        const random = seededRandom(seed);
        const covered = coverage(shapes, photo);
        const background = { ...photo, channels, data: new Uint8Array(photo.width * photo.height * channels) };
        const surroundings = recolored(background, new Uint8Array(covered.length).fill(1), () => [
          0,
          Math.floor(random.next() * 256),
          Math.floor(random.next() * 50),
          255,
        ]);
        const result = pixelsOf(
          painted(
            recolored(surroundings, covered, () => inside),
            shapes,
            style(method, much),
          ),
        );
        covered.forEach((isInside, pixel) => {
          if (isInside === 1) expect(result[pixel]![0]).toBeLessThan(140);
        });
      }),
      { numRuns: 100 },
    );
  });

  it('of no shapes, or of shapes outside the photo, changes nothing', () => {
    const photo = noise({ width: 20, height: 10 }, 4, 1);
    const outside: MaskShape[] = [
      { kind: 'ellipse', box: { left: -300, top: -20, right: -1, bottom: 40 } },
      { kind: 'box', box: { left: 0, top: 90, right: 20, bottom: 99 } },
    ];
    expect(painted(photo, [], style(method))).toEqual(photo);
    expect(painted(photo, outside, style(method))).toEqual(photo);
  });
});

describe.each(['solid', 'pixelate'] as const)('outside the shapes, %s', (method) => {
  it('changes no pixel', () => {
    fc.assert(
      fc.property(anyScene, anyStyle(method), ({ photo, shapes, channels, seed }, maskStyle) => {
        const before = noise(photo, channels, seed);
        const after = pixelsOf(painted(before, shapes, maskStyle));
        const covered = coverage(shapes, photo);
        pixelsOf(before).forEach((pixel, index) => {
          if (covered[index] === 0) expect(same(pixel, after[index]!)).toBe(true);
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe('outside the shapes, blur', () => {
  /** Pixels within `reach` of a covered one, in each direction. */
  function grown(covered: Uint8Array, { width, height }: Size, reach: number): Uint8Array {
    const result = new Uint8Array(covered.length);
    covered.forEach((inside, pixel) => {
      if (inside === 0) return;
      const [x, y] = [pixel % width, Math.floor(pixel / width)];
      for (let row = Math.max(0, y - reach); row <= Math.min(height - 1, y + reach); row++) {
        result.fill(1, row * width + Math.max(0, x - reach), row * width + Math.min(width, x + reach + 1));
      }
    });
    return result;
  }

  it('changes only a seam of a few pixels, a sixth of the largest face at most', () => {
    fc.assert(
      fc.property(anyScene, anyStyle('blur'), ({ photo, shapes, channels, seed }, maskStyle) => {
        const before = noise(photo, channels, seed);
        const after = pixelsOf(painted(before, shapes, maskStyle));
        const shortSides = shapes.map(({ box }) => Math.min(box.right - box.left, box.bottom - box.top));
        const reach = Math.max(4, Math.ceil(Math.max(...shortSides) / 6));
        const mayChange = grown(coverage(shapes, photo), photo, reach);
        pixelsOf(before).forEach((pixel, index) => {
          if (mayChange[index] === 0) expect(same(pixel, after[index]!)).toBe(true);
        });
      }),
      { numRuns: 200 },
    );
  });

  it('leaves the rows above a face that a border cuts as they were, outside its seam', () => {
    // In its first rows the ellipse lies wholly beyond the left border.
    const photo = noise({ width: 120, height: 60 }, 3, 5);
    const face: MaskShape = { kind: 'ellipse', box: { left: -60, top: 10, right: 20, bottom: 50 } };
    const after = pixelsOf(painted(photo, [face], style('blur')));
    const seam = grown(coverage([face], photo), photo, 7);
    const changed = pixelsOf(photo).filter((pixel, index) => seam[index] === 0 && !same(pixel, after[index]!));
    expect(changed).toHaveLength(0);
  });

  it('has no hard edge: next to the mask the photo passes into the fill', () => {
    const photo = noise({ width: 200, height: 200 }, 3, 6);
    const face: MaskShape = { kind: 'box', box: { left: 50, top: 50, right: 150, bottom: 150 } };
    const after = pixelsOf(painted(photo, [face], style('blur')));
    const ring = grown(coverage([face], photo), photo, 1);
    const changed = pixelsOf(photo).filter((pixel, index) => ring[index] === 1 && !same(pixel, after[index]!));
    expect(changed.length).toBeGreaterThan(100 * 100 + 200);
  });
});

describe('what stands in the place of a face', () => {
  const face: MaskShape = { kind: 'ellipse', box: { left: 20, top: 20, right: 80, bottom: 90 } };

  function flat(channels: 3 | 4, color: readonly number[]): Raster {
    const photo = { width: 100, height: 110 };
    return {
      ...photo,
      channels,
      data: Uint8Array.from({ length: 100 * 110 * channels }, (_, at) => color[at % channels]!),
    };
  }

  it.each([
    ['RGB', 3, [200, 120, 40]],
    ['RGBA', 4, [200, 120, 40, 255]],
  ] as const)('is with solid the color asked for, opaque (%s)', (_, channels, color) => {
    const result = painted(noise({ width: 100, height: 110 }, channels, 2), [face], {
      ...style('solid'),
      color: [9, 8, 7],
    });
    const covered = coverage([face], result);
    const inside = pixelsOf(result).filter((_, index) => covered[index] === 1);
    expect(new Set(inside.map(String))).toEqual(new Set([channels === 4 ? '9,8,7,255' : '9,8,7']));
    expect(color).toHaveLength(channels);
  });

  it.each([...METHODS, 'gaussian', 'mosaic'] as const)(
    'is with %s the same with a mark, but for its outline',
    (method) => {
      const photo = noise({ width: 100, height: 110 }, 3, 2);
      const expected = painted(photo, [face], style(method));
      const marked = painted(photo, [face], { ...style(method), mark: true });
      expect(marked).not.toEqual(expected);
      drawOutlines(expected, [face]);
      expect(marked).toEqual(expected);
    },
  );

  it('is with pixelate the color of the surroundings, where they have but one', () => {
    const photo = flat(4, [200, 120, 40, 255]);
    const covered = coverage([face], photo);
    const result = painted(
      recolored(photo, covered, () => [0, 0, 0, 0]),
      [face],
      style('pixelate'),
    );
    expect(result).toEqual(photo);
  });

  it('is with blur the color of the surroundings and a little grain, opaque as they are', () => {
    const photo = flat(4, [200, 120, 40, 255]);
    const covered = coverage([face], photo);
    const result = pixelsOf(
      painted(
        recolored(photo, covered, () => [0, 0, 0, 0]),
        [face],
        style('blur'),
      ),
    );
    const off = result.map(([red, green, blue, alpha]) => [red! - 200, green! - 120, blue! - 40, alpha! - 255]);
    expect(off.every(([, , , alpha]) => alpha === 0)).toBe(true);
    expect(Math.max(...off.flat().map(Math.abs))).toBeLessThanOrEqual(4);
    expect(new Set(result.filter((_, index) => covered[index] === 1).map(String)).size).toBeGreaterThan(1);
  });

  it('is with blur and pixelate drawn from all sides', () => {
    const photo = flat(3, [0, 0, 0]);
    pixelsOf(photo).forEach((pixel, index) => pixel.fill(index % 100 < 50 ? 20 : 220));
    for (const method of ['blur', 'pixelate'] as const) {
      const result = pixelsOf(painted(photo, [face], style(method, 0)));
      expect(result[55 * 100 + 26]![0]).toBeLessThan(100);
      expect(result[55 * 100 + 74]![0]).toBeGreaterThan(140);
    }
  });

  it('is the same for the same photo, every time', () => {
    const photo = noise({ width: 100, height: 110 }, 3, 3);
    for (const method of METHODS) {
      expect(painted(photo, [face], style(method))).toEqual(painted(photo, [face], style(method)));
    }
  });

  it('does not depend on the order of faces that lie apart', () => {
    const photo = noise({ width: 300, height: 110 }, 3, 4);
    const other: MaskShape = { kind: 'box', box: { left: 220, top: 10, right: 260, bottom: 60 } };
    for (const method of METHODS) {
      expect(painted(photo, [face, other], style(method))).toEqual(painted(photo, [other, face], style(method)));
    }
  });
});

describe('a shape of odd size is painted in no time, by what of it lies in the photo', () => {
  const photo = noise({ width: 160, height: 120 }, 3, 1);
  const every = [...METHODS, 'gaussian', 'mosaic'] as const;

  it.each(every)('%s, where it is as long as five million pixels and one high', (method) => {
    const long = { left: -10, top: 50, right: 5_000_000, bottom: 51 };
    const started = performance.now();
    const result = painted(photo, [{ kind: 'box', box: long }], style(method, 0));
    expect(performance.now() - started).toBeLessThan(1000);
    expect(result).toEqual(painted(photo, [{ kind: 'box', box: { ...long, left: 0, right: 160 } }], style(method, 0)));
  });

  it.each(every)('%s, where it is far shorter than a pixel', (method) => {
    const tiny = { left: 30.2, top: 40.2, right: 30.2 + 1e-7, bottom: 70.2 };
    const result = painted(photo, [{ kind: 'box', box: tiny }], { ...style(method), color: [255, 0, 255] });
    const pixel = 3 * (40 * 160 + 30);
    if (method === 'solid') expect([...result.data.subarray(pixel, pixel + 3)]).toEqual([255, 0, 255]);
    else expect(same(result.data, photo.data)).toBe(false);
  });

  it.each(every)('%s, where a face touches a region as large as numbers can express', (method) => {
    const all = { left: -1e308, top: -1e308, right: 1e308, bottom: 1e308 };
    const shapes: MaskShape[] = [
      { kind: 'box', box: all },
      { kind: 'ellipse', box: { left: 3, top: 3, right: 9, bottom: 9 } },
    ];
    const started = performance.now();
    painted(noise({ width: 1600, height: 1200 }, 3, 1), shapes, style(method, 1));
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

describe('the time to paint', () => {
  const photo = noise({ width: 1600, height: 1200 }, 3, 1);
  const [width, height] = [photo.width, photo.height];
  const shape = (left: number, top: number, right: number, bottom: number): MaskShape => ({
    kind: 'box',
    box: { left, top, right, bottom },
  });
  const many = <Item>(count: number, item: (index: number) => Item) =>
    Array.from({ length: count }, (_, at) => item(at));
  const whole = shape(0, 0, width, height);

  const all = [...METHODS, 'gaussian', 'mosaic'] as const;
  const scenes: [string, readonly MaskStyle['method'][], MaskShape[]][] = [
    ['lie on one another', all, many(1000, () => whole)],
    ['lie on one another, shifted', all, many(1000, (at) => shape(at / 2, at / 3, width, height))],
    ['are ellipses on one another', ['blur'], many(1000, () => ({ ...whole, kind: 'ellipse' }))],
    ['are thin lines', ['blur', 'gaussian'], many(799, (at) => shape(2 * at, 0, 2 * at + 1, height))],
    [
      'are frames within frames',
      ['blur'],
      many(148, (at) => {
        const [left, top, right, bottom] = [4 * at, 4 * at, width - 4 * at, height - 4 * at];
        return [
          shape(left, top, right, top + 2),
          shape(left, top, left + 2, bottom),
          shape(right - 2, top, right, bottom),
          shape(left, bottom - 2, right, bottom),
        ];
      }).flat(),
    ],
    ['are a large and small ones', ['gaussian'], [whole, ...many(200, (at) => shape(at, at, at + 1, at + 1))]],
  ];

  const timeOf = (shapes: readonly MaskShape[], method: MaskStyle['method']) => {
    const start = performance.now();
    painted(photo, shapes, style(method));
    return performance.now() - start;
  };

  describe.each(scenes)('of many shapes that %s', (_, methods, shapes) => {
    it.each(methods)('goes by what they cover together (%s)', (method) => {
      timeOf([whole], method);
      const once = timeOf([whole], method);
      expect(timeOf(shapes, method)).toBeLessThan(8000 + 25 * once);
    });
  });
});

describe('the mosaic', () => {
  /** The number of stretches of one color between two corners of a row or column. */
  function runs(photo: Raster, from: readonly [number, number], to: readonly [number, number]): number {
    const length = Math.max(to[0] - from[0], to[1] - from[1]);
    const [stepX, stepY] = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
    let [found, last] = [0, -1];
    for (let step = 0; step < length; step++) {
      const at = ((from[1] + stepY * step) * photo.width + from[0] + stepX * step) * photo.channels;
      const color = (photo.data[at]! << 16) | (photo.data[at + 1]! << 8) | photo.data[at + 2]!;
      if (color !== last) found++;
      last = color;
    }
    return found;
  }

  /** Coarse noise: each cell of the fill gets a color of its own, and a large photo is made quickly. */
  function patches({ width, height }: Size, patch: number): Raster {
    const random = seededRandom(width);
    const [columns, rows] = [Math.ceil(width / patch), Math.ceil(height / patch)];
    const colors = Array.from({ length: columns * rows }, () => [0, 0, 0].map(() => Math.floor(random.next() * 256)));
    const data = new Uint8Array(width * height * 3);
    for (let y = 0; y < height; y++) {
      const row = Math.floor(y / patch) * columns;
      for (let x = 0; x < width; x++) data.set(colors[row + Math.floor(x / patch)]!, (y * width + x) * 3);
    }
    return { width, height, channels: 3, data };
  }

  it.each([30, 3000])('has as many cells across a face of %i pixels as any other, 6 at most', (size) => {
    const margin = Math.ceil(size * 0.15);
    const [width, height] = [size, Math.round(size * 1.2)];
    const photo = patches({ width: width + 2 * margin, height: height + 2 * margin }, Math.ceil(size / 20));
    const box: Box = { left: margin, top: margin, right: margin + width, bottom: margin + height };
    paintMask(photo, [{ kind: 'box', box }], style('pixelate', 0));
    for (const share of [0.1, 0.5, 0.9]) {
      const y = box.top + Math.floor(height * share);
      expect(runs(photo, [box.left, y], [box.right, y])).toBe(MAX_MOSAIC_CELLS);
      const x = box.left + Math.floor(width * share);
      // 1.2 times as long a side: 7.2 cells.
      expect(runs(photo, [x, box.top], [x, box.bottom])).toBeLessThanOrEqual(8);
    }
  });

  it('is coarser the stronger it is, down to one cell across', () => {
    const count = (much: number) => {
      const photo = patches({ width: 100, height: 100 }, 3);
      paintMask(photo, [{ kind: 'box', box: { left: 20, top: 20, right: 80, bottom: 80 } }], style('pixelate', much));
      return runs(photo, [20, 50], [80, 50]);
    };
    expect([0, 0.5, 1].map(count)).toEqual([6, 3, 1]);
  });

  it('has at most 6 cells across the short side of the face itself, wherever its padded bounds lie', () => {
    const fraction = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fraction, fraction, fc.constantFrom(0, 0.25), strength, (dx, dy, padding, much) => {
        const photo = patches({ width: 110, height: 110 }, 2);
        const face: Box = { left: 35 + dx, top: 30 + dy, right: 75 + dy, bottom: 80 + dx };
        paintMask(photo, planMask([face], [], { shape: 'box', padding }), style('pixelate', much));
        const row = Math.round((face.top + face.bottom) / 2);
        expect(runs(photo, [Math.floor(face.left), row], [Math.ceil(face.right), row])).toBeLessThanOrEqual(
          MAX_MOSAIC_CELLS,
        );
      }),
      { numRuns: 40 },
    );
  });
});

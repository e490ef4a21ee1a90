import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCandidates, type NetworkOutput, OutputShapeError } from './scrfd.ts';

/** At the strides 8, 16, 32 it has 8×4, 4×2 and 2×1 cells. */
const CANVAS = { width: 64, height: 32 };
const CELLS = { 8: 32, 16: 8, 32: 2 } as const;
const CHANNELS = { score: 1, box: 4, landmarks: 10 } as const;

type Stride = keyof typeof CELLS;
type Kind = keyof typeof CHANNELS;

interface Layout {
  readonly anchors?: number;
  readonly batched?: boolean;
  readonly landmarks?: boolean;
}

/** A network's nine outputs (six without landmarks), all zero, by kind and stride, in the file's usual order. */
function emptyOutputs({ anchors = 1, batched = false, landmarks = true }: Layout = {}) {
  const kinds: Kind[] = landmarks ? ['score', 'box', 'landmarks'] : ['score', 'box'];
  const made = kinds.flatMap((kind) =>
    ([8, 16, 32] as const).map((stride) => {
      const rows = CELLS[stride] * anchors;
      const dims = [...(batched ? [1] : []), rows, CHANNELS[kind]];
      return { kind, stride, output: { dims, data: new Float32Array(rows * CHANNELS[kind]) } };
    }),
  );
  return {
    all: made.map(({ output }) => output as NetworkOutput),
    set(kind: Kind, stride: Stride, row: number, values: readonly number[]) {
      const { output } = made.find((one) => one.kind === kind && one.stride === stride)!;
      output.data.set(values, row * CHANNELS[kind]);
    },
  };
}

const layouts: [string, Layout][] = [1, 2].flatMap((anchors) =>
  [false, true].flatMap((batched) =>
    [false, true].map((landmarks): [string, Layout] => [
      `${anchors} anchors per cell, ${batched ? '[1,N,C]' : '[N,C]'}, ${landmarks ? 'with' : 'without'} landmarks`,
      { anchors, batched, landmarks },
    ]),
  ),
);

const OFFSETS = [0.5, -0.25, 1, 0, 0.75, 0.125, 0, 0.5, -1, 2];

describe.each(layouts)('decoding with %s', (_, layout) => {
  const { anchors = 1, landmarks } = layout;

  it('takes the box as distances from the cell’s corner in strides', () => {
    const outputs = emptyOutputs(layout);
    // Stride 16, 4 columns: cell 7 is column 3 of row 1, its center (48, 16).
    const row = 7 * anchors + (anchors - 1);
    outputs.set('score', 16, row, [0.75]);
    outputs.set('box', 16, row, [1, 0.5, 1.5, 0.25]);
    if (landmarks) outputs.set('landmarks', 16, row, OFFSETS);
    expect(decodeCandidates(outputs.all, CANVAS, 0.5)).toEqual([
      {
        score: 0.75,
        box: { left: 32, top: 8, right: 72, bottom: 20 },
        landmarks: landmarks
          ? [
              { x: 56, y: 12 },
              { x: 64, y: 16 },
              { x: 60, y: 18 },
              { x: 48, y: 24 },
              { x: 32, y: 48 },
            ]
          : null,
      },
    ]);
  });

  it('finds every anchor of every cell at its place', () => {
    for (const stride of [8, 16, 32] as const) {
      for (let row = 0; row < CELLS[stride] * anchors; row++) {
        const outputs = emptyOutputs(layout);
        outputs.set('score', stride, row, [1]);
        const cell = (row - (row % anchors)) / anchors;
        const columns = 64 / stride;
        const column = cell % columns;
        const x = column * stride;
        const y = ((cell - column) / columns) * stride;
        expect(decodeCandidates(outputs.all, CANVAS, 0.5).map(({ box }) => box)).toEqual([
          { left: x, top: y, right: x, bottom: y },
        ]);
      }
    }
  });
});

describe('which candidates are decoded', () => {
  it('those whose score is at least the threshold', () => {
    const outputs = emptyOutputs();
    outputs.set('score', 8, 3, [0.5]);
    outputs.set('score', 16, 2, [0.4999]);
    outputs.set('score', 32, 1, [0.875]);
    const scores = decodeCandidates(outputs.all, CANVAS, 0.5).map(({ score }) => score);
    expect(scores.toSorted()).toEqual([0.5, 0.875]);
  });

  it('none of an empty photo', () => {
    expect(decodeCandidates(emptyOutputs().all, CANVAS, 0.01)).toEqual([]);
  });
});

describe('the order of the outputs in the file', () => {
  it('matters only within a kind: by stride or by kind, the same comes out', () => {
    const byKind = emptyOutputs();
    byKind.set('score', 8, 9, [0.875]);
    byKind.set('box', 8, 9, [1, 2, 3, 4]);
    byKind.set('landmarks', 8, 9, OFFSETS);
    byKind.set('score', 32, 1, [0.625]);
    byKind.set('box', 32, 1, [0.5, 0.25, 0.5, 0.25]);
    const byStride = [0, 3, 6, 1, 4, 7, 2, 5, 8].map((index) => byKind.all[index]!);
    const landmarksFirst = [6, 7, 8, 3, 4, 5, 0, 1, 2].map((index) => byKind.all[index]!);
    const expected = decodeCandidates(byKind.all, CANVAS, 0.5);
    expect(expected).toHaveLength(2);
    expect(decodeCandidates(byStride, CANVAS, 0.5)).toEqual(expected);
    expect(decodeCandidates(landmarksFirst, CANVAS, 0.5)).toEqual(expected);
  });
});

describe('outputs that are not those of an SCRFD detector', () => {
  const { all } = emptyOutputs();
  const empty = (rows: number, channels: number): NetworkOutput => ({
    dims: [rows, channels],
    data: new Float32Array(rows * channels),
  });
  const replaced = (index: number, output: NetworkOutput) => all.with(index, output);

  it.each([
    ['none at all', []],
    ['scores alone', all.slice(0, 3)],
    ['a stride too few', all.filter((_, index) => index % 3 !== 2)],
    ['landmarks at two strides of three', all.slice(0, 8)],
    ['five strides', [...all, empty(2, 1), empty(2, 4), empty(2, 10), empty(1, 1), empty(1, 4), empty(1, 10)]],
    ['scores for another canvas', replaced(0, empty(33, 1))],
    ['no scores at a stride', replaced(2, empty(0, 1))],
    ['fewer boxes than scores', replaced(3, empty(31, 4))],
    ['more boxes than scores', replaced(4, empty(16, 4))],
    ['fewer landmarks than scores', replaced(7, empty(7, 10))],
    ['strides in falling order', [2, 1, 0, 5, 4, 3, 8, 7, 6].map((index) => all[index]!)],
    ['class scores of two channels', replaced(0, empty(32, 2))],
    ['one more output than there are kinds', [...all, empty(2, 3)]],
    ['two images in one batch', replaced(0, { dims: [2, 16, 1], data: new Float32Array(32) })],
    ['planes in place of rows', replaced(0, { dims: [1, 1, 4, 8], data: new Float32Array(32) })],
  ])('are refused: %s', (_, outputs) => {
    expect(() => decodeCandidates(outputs, CANVAS, 0.5)).toThrow(OutputShapeError);
  });

  it('are named with their shapes in the error', () => {
    expect(() => decodeCandidates([empty(5, 7), { dims: [1, 3, 4], data: new Float32Array(12) }], CANVAS, 0.5)).toThrow(
      /\[5, 7\] \[1, 3, 4\]/,
    );
  });
});

describe('numbers that are not finite', () => {
  const anywhere = fc.constantFrom<Stride>(8, 16, 32).chain((stride) =>
    fc.record({
      stride: fc.constant(stride),
      row: fc.integer({ min: 0, max: CELLS[stride] - 1 }),
    }),
  );
  const layout = fc.record({ landmarks: fc.boolean(), batched: fc.boolean() });
  const bad = fc.constantFrom(NaN, Infinity, -Infinity);
  const threshold = fc.double({ min: 0.01, max: 1, noNaN: true });

  it('are an error wherever a score is NaN or infinite: a broken network must not look like an empty photo', () => {
    fc.assert(
      fc.property(
        anywhere,
        layout,
        fc.constantFrom(NaN, Infinity),
        threshold,
        ({ stride, row }, kind, value, least) => {
          const outputs = emptyOutputs(kind);
          outputs.set('score', stride, row, [value]);
          expect(() => decodeCandidates(outputs.all, CANVAS, least)).toThrow(OutputShapeError);
        },
      ),
    );
  });

  it('are an error in the box of a candidate', () => {
    fc.assert(
      fc.property(anywhere, layout, bad, fc.nat(3), ({ stride, row }, kind, value, side) => {
        const outputs = emptyOutputs(kind);
        outputs.set('score', stride, row, [0.9]);
        outputs.set('box', stride, row, [1, 1, 1, 1].with(side, value));
        expect(() => decodeCandidates(outputs.all, CANVAS, 0.5)).toThrow(OutputShapeError);
      }),
    );
  });

  it('are an error in the landmarks of a candidate', () => {
    fc.assert(
      fc.property(anywhere, fc.boolean(), bad, fc.nat(9), ({ stride, row }, batched, value, coordinate) => {
        const outputs = emptyOutputs({ batched });
        outputs.set('score', stride, row, [0.9]);
        outputs.set('landmarks', stride, row, OFFSETS.with(coordinate, value));
        expect(() => decodeCandidates(outputs.all, CANVAS, 0.5)).toThrow(OutputShapeError);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NetworkOutput, OutputShapeError } from './scrfd.ts';
import { decodeYunet, YUNET_OUTPUTS } from './yunet.ts';

/** At the strides 8, 16, 32 it has 8×4, 4×2 and 2×1 cells. */
const CANVAS = { width: 64, height: 32 };
const COLUMNS: Readonly<Record<string, number>> = { cls: 1, obj: 1, bbox: 4, kps: 10 };

/** The twelve outputs, all zero, with the given rows set. */
function outputsWith(rows: Readonly<Record<string, readonly [row: number, values: readonly number[]]>>) {
  return YUNET_OUTPUTS.map((name): NetworkOutput => {
    const [kind, stride] = name.split('_') as [string, string];
    const cells = (64 / Number(stride)) * (32 / Number(stride));
    const columns = COLUMNS[kind]!;
    const data = new Float32Array(cells * columns);
    const [row, values] = rows[name] ?? [0, []];
    data.set(values, row * columns);
    return { dims: [1, cells, columns], data };
  });
}

describe('decoding YuNet', () => {
  it('reads the outputs in the order of their names', () => {
    expect(YUNET_OUTPUTS.join(' ')).toBe(
      'cls_8 cls_16 cls_32 obj_8 obj_16 obj_32 bbox_8 bbox_16 bbox_32 kps_8 kps_16 kps_32',
    );
  });

  it('takes score, box and landmarks as OpenCV does', () => {
    // Stride 16, 4 columns: row 7 is column 3 of row 1, its corner (48, 16).
    const outputs = outputsWith({
      cls_16: [7, [0.5]],
      obj_16: [7, [0.5]],
      // Center (48 + 8, 16 − 4), 16·e^ln 2 = 32 wide, 16·e^0 = 16 high.
      bbox_16: [7, [0.5, -0.25, Math.log(2), 0]],
      kps_16: [7, [0.5, -0.25, 1, 0, 0.75, 0.125, 0, 0.5, -1, 2]],
    });
    const [face, ...others] = decodeYunet(outputs, CANVAS, 0.4);
    expect(others).toEqual([]);
    expect(face!.score).toBe(0.5);
    expect(face!.box.left).toBeCloseTo(40, 4);
    expect(face!.box.top).toBeCloseTo(4, 4);
    expect(face!.box.right).toBeCloseTo(72, 4);
    expect(face!.box.bottom).toBeCloseTo(20, 4);
    expect(face!.landmarks).toEqual([
      { x: 56, y: 12 },
      { x: 64, y: 16 },
      { x: 60, y: 18 },
      { x: 48, y: 24 },
      { x: 32, y: 48 },
    ]);
  });

  it.each([
    [0.81, 0.25, 0.45],
    [1.5, 0.25, 0.5],
    [0.9, -0.1, 0],
    [2, 3, 1],
  ])('the score of %f and %f, each clamped to 0 to 1, is %f', (cls, obj, score) => {
    const outputs = outputsWith({ cls_8: [5, [cls]], obj_8: [5, [obj]] });
    expect(Math.max(...decodeYunet(outputs, CANVAS, 0).map((face) => face.score))).toBeCloseTo(score, 5);
  });

  it('gives those that reach the threshold, each in the cell where it is', () => {
    fc.assert(
      fc.property(fc.constantFrom(8, 16, 32), fc.nat(), (stride, some) => {
        const columns = 64 / stride;
        const row = some % (columns * (32 / stride));
        const outputs = outputsWith({ [`cls_${stride}`]: [row, [1]], [`obj_${stride}`]: [row, [0.25]] });
        expect(decodeYunet(outputs, CANVAS, 0.51)).toEqual([]);
        const [face, ...others] = decodeYunet(outputs, CANVAS, 0.5);
        expect(others).toEqual([]);
        expect(face!.landmarks![0]).toEqual({ x: (row % columns) * stride, y: Math.floor(row / columns) * stride });
        expect(face!.box.right - face!.box.left).toBe(stride);
      }),
    );
  });

  it('refuses outputs of another shape', () => {
    expect(() => decodeYunet(outputsWith({}), { width: 32, height: 32 }, 0.5)).toThrow(OutputShapeError);
  });

  it.each([
    ['score', { cls_8: [3, [NaN]], obj_8: [3, [1]] }],
    ['box', { cls_8: [3, [1]], obj_8: [3, [1]], bbox_8: [3, [0, 0, 1000, 0]] }],
  ] as const)('refuses a %s that is not finite', (_, rows) => {
    expect(() => decodeYunet(outputsWith(rows), CANVAS, 0.5)).toThrow(/not finite/);
  });
});

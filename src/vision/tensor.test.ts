import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BYTES_BGR, toTensor } from './tensor.ts';

/** (0 − 127.5) / 128 */
const BLACK = -0.99609375;

describe('the tensor of a photo', () => {
  it('is (value − 127.5) / 128, planar in the order red, green, blue, with black around the content', () => {
    const rgb = Uint8Array.of(0, 1, 127, 128, 254, 255);
    expect([...toTensor(rgb, { width: 2, height: 1 }, { width: 3, height: 2 })]).toEqual([
      ...[BLACK, 0.00390625, BLACK, BLACK, BLACK, BLACK], // red of 0 and 128
      ...[-0.98828125, 0.98828125, BLACK, BLACK, BLACK, BLACK], // green of 1 and 254
      ...[-0.00390625, 0.99609375, BLACK, BLACK, BLACK, BLACK], // blue of 127 and 255
    ]);
  });

  it('of YuNet is the values as they are, in the order blue, green, red', () => {
    const rgb = Uint8Array.of(0, 1, 127, 128, 254, 255);
    const tensor = toTensor(
      rgb,
      { width: 2, height: 1 },
      { width: 3, height: 1 },
      new Float32Array(9).fill(7),
      BYTES_BGR,
    );
    expect([...tensor]).toEqual([127, 255, 0, 1, 254, 0, 0, 128, 0]);
  });

  it('goes through the content row by row', () => {
    const gray = [10, 20, 30, 40].flatMap((value) => [value, value, value]);
    const tensor = toTensor(Uint8Array.from(gray), { width: 2, height: 2 }, { width: 3, height: 3 });
    const plane = [10, 20, 0, 30, 40, 0, 0, 0, 0];
    expect([...tensor].map((value) => value * 128 + 127.5)).toEqual([...plane, ...plane, ...plane]);
  });

  it('has no padding where the content fills the canvas', () => {
    expect([...toTensor(Uint8Array.of(255, 255, 255), { width: 1, height: 1 }, { width: 1, height: 1 })]).toEqual(
      Array(3).fill(0.99609375),
    );
  });

  it('of no content is all black', () => {
    expect([...toTensor(new Uint8Array(), { width: 0, height: 0 }, { width: 2, height: 1 })]).toEqual(
      Array(6).fill(BLACK),
    );
  });

  it('is the same in room that was used before', () => {
    const used = new Float32Array(3 * 4 * 3).fill(7);
    const [content, canvas] = [
      { width: 3, height: 2 },
      { width: 4, height: 3 },
    ];
    const rgb = Uint8Array.from({ length: 18 }, (_, at) => at * 9);
    expect([...toTensor(rgb, content, canvas, used)]).toEqual([...toTensor(rgb, content, canvas)]);
  });

  it('holds at plane c, row y, column x channel c of pixel (x, y), and black where there is no pixel', () => {
    const side = fc.integer({ min: 1, max: 8 });
    const more = fc.integer({ min: 0, max: 4 });
    fc.assert(
      fc.property(side, side, more, more, fc.infiniteStream(fc.nat(255)), (width, height, right, below, values) => {
        const rgb = Uint8Array.from(values.take(width * height * 3));
        const canvas = { width: width + right, height: height + below };
        const tensor = toTensor(rgb, { width, height }, canvas);
        expect(tensor.length).toBe(3 * canvas.width * canvas.height);
        for (let c = 0; c < 3; c++) {
          for (let y = 0; y < canvas.height; y++) {
            for (let x = 0; x < canvas.width; x++) {
              const value = x < width && y < height ? rgb[(y * width + x) * 3 + c]! : 0;
              expect(tensor[(c * canvas.height + y) * canvas.width + x]).toBe((value - 127.5) / 128);
            }
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});

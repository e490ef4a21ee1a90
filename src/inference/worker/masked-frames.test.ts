import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyShape, anySmallPhoto, noise } from '../../../test/fixtures/shapes.ts';
import type { Size } from '../../vision/geometry.ts';
import { coverage, type MaskShape } from '../../vision/mask.ts';
import type { MaskStyle } from '../../vision/paint.ts';
import type { Raster } from '../../vision/raster.ts';
import { MaskedFrames } from './masked-frames.ts';
import { Stages } from './stages.ts';

const anyStyle = fc.record({
  method: fc.constantFrom<MaskStyle['method'][]>('blur', 'pixelate', 'solid', 'gaussian', 'mosaic'),
  color: fc.constant<[number, number, number]>([255, 0, 255]),
  strength: fc.constantFrom(0, 0.5, 1),
  mark: fc.boolean(),
});
const COUNT = 4;
/** Masks that become known in several rounds, each for one of the frames. */
const anyRounds = fc.array(fc.array(fc.tuple(fc.nat(COUNT - 1), anyShape), { maxLength: 3 }), {
  minLength: 1,
  maxLength: 4,
});

const stages = () => new Stages(new Int32Array(new SharedArrayBuffer(4)));

/** Frames of noise in one buffer. */
function newFrames({ width, height }: Size, channels: 3 | 4, seed: number): Raster[] {
  const film = noise({ width, height: height * COUNT }, channels, seed).data;
  const size = film.length / COUNT;
  return Array.from({ length: COUNT }, (_, index) => ({
    width,
    height,
    channels,
    data: film.subarray(index * size, (index + 1) * size),
  }));
}

const bytes = ({ pictures }: MaskedFrames) => pictures.map(({ data }) => Buffer.from(data).toString('latin1'));
const none = (): MaskShape[][] => Array.from({ length: COUNT }, () => []);

describe('masked frames', () => {
  it('look the same whether their masks become known one after another or all at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        anySmallPhoto,
        fc.constantFrom<(3 | 4)[]>(3, 4),
        fc.nat(),
        anyRounds,
        anyStyle,
        fc.boolean(),
        async (size, channels, seed, rounds, style, isAnimation) => {
          const step = new MaskedFrames(newFrames(size, channels, seed), none(), isAnimation, style, true);
          await step.paint(stages());
          for (const round of rounds) {
            for (const [frame, shape] of round) step.add(frame, [shape]);
            await step.paint(stages());
          }
          const all = none();
          for (const [frame, shape] of rounds.flat()) all[frame]!.push(shape);
          const once = new MaskedFrames(newFrames(size, channels, seed), all, isAnimation, style, false);
          await once.paint(stages());
          expect(bytes(step)).toEqual(bytes(once));
        },
      ),
    );
  });

  const SIZE = { width: 20, height: 20 };
  const style: MaskStyle = { method: 'solid', color: [255, 0, 255], strength: 0.5, mark: false };
  const shape: MaskShape = { kind: 'box', box: { left: 5, top: 5, right: 15, bottom: 15 } };
  const isMasked = ({ data, width, channels }: Raster) =>
    [255, 0, 255].every((value, c) => data[(10 * width + 10) * channels + c] === value);

  it('of an animation have a mask that is added on the frames before and after as well', async () => {
    const frames = new MaskedFrames(newFrames(SIZE, 3, 1), none(), true, style, true);
    expect(await frames.paint(stages())).toEqual([0, 1, 2, 3]);
    frames.add(1, [shape]);
    expect(await frames.paint(stages())).toEqual([0, 1, 2]);
    expect(frames.pictures.map(isMasked)).toEqual([true, true, true, false]);
    expect(frames.coverage(2)).toEqual(coverage([shape], SIZE));
    expect(await frames.paint(stages())).toEqual([]);
  });

  it('that are pages have it on their own alone', async () => {
    const frames = new MaskedFrames(newFrames(SIZE, 3, 1), none(), false, style, true);
    await frames.paint(stages());
    frames.add(1, [shape]);
    expect(await frames.paint(stages())).toEqual([1]);
    expect(frames.pictures.map(isMasked)).toEqual([false, true, false, false]);
  });

  it('take no more memory where no mask may be added', () => {
    const originals = newFrames(SIZE, 3, 1);
    expect(new MaskedFrames(originals, none(), false, style, false).pictures).toBe(originals);
  });

  it('hold nothing but black under full transparency, not even the grain of a fill', async () => {
    const originals = newFrames(SIZE, 4, 1);
    for (const { data } of originals) data.fill(0);
    const frames = new MaskedFrames(originals, [[shape], [], [], []], false, { ...style, method: 'blur' }, false);
    await frames.paint(stages());
    expect(frames.pictures[0]!.data.every((value) => value === 0)).toBe(true);
  });
});

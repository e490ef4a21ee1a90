import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { webpParts } from './webp-parts.ts';
import { COUNTED_MS, restoreFrames } from './webp-animation.ts';

const SIZE = 24;
type Color = readonly [number, number, number, number];
const RED: Color = [200, 40, 40, 255];
const BLUE: Color = [40, 40, 200, 255];
const FAINT: Color = [40, 40, 200, 90];
const CLEAR: Color = [0, 0, 0, 0];

/** A frame whose left half has one color and whose right half another. */
function frame(left: Color, right: Color): Buffer {
  const row = [...Array<Color>(SIZE / 2).fill(left), ...Array<Color>(SIZE / 2).fill(right)].flat();
  return Buffer.from(Array<number[]>(SIZE).fill(row).flat());
}

async function encodeAndRestore(frames: readonly Buffer[], delays: readonly number[], lossless = true) {
  const raw = { width: SIZE, height: SIZE * frames.length, channels: 4 as const, pageHeight: SIZE };
  const encoded = await sharp(Buffer.concat(frames), { raw })
    .webp({ lossless, delay: frames.map(() => COUNTED_MS), loop: 3 })
    .toBuffer();
  return { encoded, restored: restoreFrames(encoded, delays, 3) };
}

/** The frames as they are shown. */
async function shownFrames(file: Uint8Array): Promise<Buffer[]> {
  const film = await sharp(file, { pages: -1 }).ensureAlpha().raw().toBuffer();
  const bytes = SIZE * SIZE * 4;
  return Array.from({ length: film.length / bytes }, (_, index) => film.subarray(index * bytes, (index + 1) * bytes));
}

const [a, b, faint, clear] = [frame(RED, RED), frame(RED, BLUE), frame(FAINT, CLEAR), frame(CLEAR, CLEAR)];

describe('the frames of an animated WebP', () => {
  it.each([
    ['all alike', [a, a, a, a, a]],
    ['alike in the middle', [a, b, b, b, a]],
    ['alike at both ends', [a, a, b, a, a]],
    ['alike and half transparent', [b, faint, faint, clear, clear, faint, b]],
    ['all different', [a, b, a, faint]],
  ])('keep number, pixels, durations and loop where they are %s', async (_, frames) => {
    const delays = frames.map((__, index) => 70 + 1000 * index);
    const { restored } = await encodeAndRestore(frames, delays);
    expect(await sharp(restored).metadata()).toMatchObject({ pages: frames.length, delay: delays, loop: 3 });
    const shown = await shownFrames(restored);
    expect(shown.map((one, index) => one.equals(frames[index]!))).toEqual(frames.map(() => true));
  });

  it('were merged by the encoder, also where a lossy one sees no difference', async () => {
    const grain = Buffer.from(a.map((value, at) => (at % 4 === 3 ? value : value + (at % 2))));
    const { encoded, restored } = await encodeAndRestore([a, grain, a], [10, 20, 30], false);
    expect((await sharp(encoded).metadata()).pages ?? 1).toBeLessThan(3);
    expect(await sharp(restored).metadata()).toMatchObject({ pages: 3, delay: [10, 20, 30] });
  });

  it('are shown as long as 24 bits can say', async () => {
    const { restored } = await encodeAndRestore([a, b], [70_000, 20_000_000]);
    expect((await sharp(restored).metadata()).delay).toEqual([70_000, 16_777_215]);
  });

  it('follow the format to the last byte', async () => {
    const { restored } = await encodeAndRestore([a, a], [100, 100]);
    const names = webpParts(restored).map(({ name }) => name);
    expect(names).toEqual(['VP8X', 'ANIM', 'ANMF', 'ANMF VP8L', 'ANMF', 'ANMF VP8L']);
  });
});

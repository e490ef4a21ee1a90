import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { setGifDelays } from './gif-delays.ts';

async function film(count: number): Promise<Buffer> {
  const pixels = Buffer.from(Array.from({ length: count * 64 * 3 }, (_, at) => (at >> 6) * 20));
  return sharp(pixels, { raw: { width: 8, height: 8 * count, channels: 3, pageHeight: 8 } })
    .gif({ delay: Array<number>(count).fill(100) })
    .toBuffer();
}

describe('the durations of a GIF', () => {
  it('are set to hundredths of a second, up to what 16 bits can say', async () => {
    const bytes = await film(4);
    setGifDelays(bytes, [70_000, 0, 655_350, 16_000_000]);
    expect((await sharp(bytes).metadata()).delay).toEqual([70_000, 0, 655_350, 655_350]);
  });

  it('must be as many as frames', async () => {
    const bytes = await film(2);
    expect(() => {
      setGifDelays(bytes, [100]);
    }).toThrow('2 durations of 1 frames');
  });
});

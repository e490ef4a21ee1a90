import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { colorSpaceOf } from './color-profile.ts';

async function profile(name: string): Promise<Buffer> {
  const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } });
  return (await sharp(await pixel.withIccProfile(name).png().toBuffer()).metadata()).icc!;
}

describe('the color space of a profile', () => {
  it.each([
    ['srgb', 'srgb'],
    ['p3', 'display-p3'],
  ])('of %s is %s, whatever it calls itself', async (name, space) => {
    const renamed = Buffer.from(
      (await profile(name)).toString('latin1').replaceAll('RGB built-in', 'canary 12345'),
      'latin1',
    );
    expect(colorSpaceOf(renamed)).toBe(space);
  });

  it('of other primaries is other', async () => {
    const changed = await profile('srgb');
    const at = changed.indexOf('XYZ ', 128 + 200);
    changed.writeInt32BE(Math.round(0.6 * 65536), at + 8);
    expect(colorSpaceOf(changed)).toBe('other');
  });

  it('of damaged bytes is other', async () => {
    const whole = await profile('p3');
    for (const end of [0, 60, 131, 200, 300]) expect(colorSpaceOf(whole.subarray(0, end))).toBe('other');
  });
});

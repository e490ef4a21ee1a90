import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { asBox } from '../../../test/support/picture.ts';
import { cutByBorder, portrait, render, type Scene } from '../../../test/fixtures/portraits.ts';
import type { Raster } from '../../vision/raster.ts';
import type { Landmarks } from '../../vision/scrfd.ts';
import { assessFaces } from './assess-faces.ts';
import type { Face } from './messages.ts';

/** The one drawn face, where it is known to be. */
async function qualityOf(scene: Scene, change: (image: Sharp) => Sharp = (image) => image) {
  const { data, info } = await change(sharp(await render(scene)))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const photo: Raster = { width: info.width, height: info.height, channels: 3, data };
  const [{ box, landmarks }] = scene.faces as [Scene['faces'][number]];
  const points = landmarks.map(([x, y]) => ({ x, y })) as unknown as Landmarks;
  const [face] = await assessFaces([{ box: asBox(box), score: 1, landmarks: points } satisfies Face], photo);
  return face!.quality!;
}

describe('the quality of a drawn face', () => {
  it.each([0, 25, 90, 180, -60])('has the roll with which it is drawn, %i degrees', async (roll) => {
    const { pose } = await qualityOf(portrait({ seed: 2, faceHeight: 150, roll }));
    const off = ((pose!.roll - roll + 540) % 360) - 180;
    expect(Math.abs(off)).toBeLessThan(1);
    expect(Math.abs(pose!.yaw)).toBeLessThan(1);
  });

  it('has the yaw of the side to which it looks', async () => {
    const looking = async (yaw: number) =>
      (await qualityOf(portrait({ seed: 2, faceHeight: 150, look: { yaw } }))).pose!.yaw;
    expect(await looking(20)).toBeGreaterThan(10);
    expect(await looking(-20)).toBeLessThan(-10);
  });

  it('is less sharp the more it is blurred, and the smaller the photo was', async () => {
    const scene = portrait({ seed: 3, faceHeight: 200, width: 400, height: 400 });
    const { sharpness } = await qualityOf(scene);
    const { sharpness: soft } = await qualityOf(scene, (image) => image.blur(2));
    const { sharpness: softest } = await qualityOf(scene, (image) => image.blur(6));
    expect(soft).toBeLessThan(sharpness);
    expect(softest).toBeLessThan(soft);
    const small = portrait({ seed: 3, faceHeight: 20, width: 40, height: 40 });
    expect((await qualityOf(small)).sharpness).toBeLessThan(sharpness);
  });

  it('is as bright as the light', async () => {
    const scene = portrait({ seed: 3, faceHeight: 150 });
    const { brightness } = await qualityOf(scene);
    const { brightness: half } = await qualityOf(scene, (image) => image.linear(0.5, 0));
    expect(brightness).toBeGreaterThan(0.2);
    expect(brightness).toBeLessThan(0.9);
    expect(half).toBeCloseTo(brightness / 2, 2);
  });

  it.each(['left', 'top', 'right', 'bottom'] as const)('tells that the %s border cuts it', async (side) => {
    expect((await qualityOf(cutByBorder(side, { seed: 3 }))).cutBy).toEqual([side]);
  });

  it('is told of a face of one pixel', async () => {
    const photo: Raster = { width: 4, height: 4, channels: 3, data: new Uint8Array(48).fill(255) };
    const box = { left: 1, top: 1, right: 2, bottom: 2 };
    const [face] = await assessFaces([{ box, score: 1, landmarks: null }], photo);
    expect(face!.quality).toEqual({ pose: null, sharpness: 0, brightness: expect.closeTo(1, 6) as number, cutBy: [] });
  });
});

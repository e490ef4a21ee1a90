import { gifParts } from './gif-parts.ts';

/** Maximum duration of a frame in milliseconds: 16 bits of hundredths of a second. */
export const MAX_GIF_DELAY = 655_350;

/**
 * Sets the durations of the frames of a GIF (89a specification, 23), in place.
 * @param delays in milliseconds
 */
export function setGifDelays(bytes: Uint8Array, delays: readonly number[]): void {
  const controls = gifParts(bytes).filter(({ name }) => name === 'control');
  if (controls.length !== delays.length) throw new Error(`${controls.length} durations of ${delays.length} frames`);
  controls.forEach(({ data }, index) => {
    const hundredths = Math.round(Math.min(delays[index]!, MAX_GIF_DELAY) / 10);
    data.set([hundredths & 255, hundredths >> 8], 2);
  });
}

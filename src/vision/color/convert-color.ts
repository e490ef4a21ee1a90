import { betweenPrimaries, BT2020_PRIMARIES, luminanceWeights, type Primaries, SRGB_PRIMARIES } from './primaries.ts';
import { toneMapFactor } from './tone-map.ts';
import { hlgOotf, SRGB, SRGB_CURVE, type Transfer } from './transfer.ts';

/** What the numbers of a picture stand for. */
export interface ColorCoding {
  readonly primaries: Primaries;
  readonly transfer: Transfer;
}

export const SRGB_CODING: ColorCoding = { primaries: SRGB_PRIMARIES, transfer: SRGB };

/**
 * Divides colors by their opacity, in place.
 * @param samples with 4 channels
 */
export function unmultiply(samples: Uint8Array | Uint16Array, most: number): void {
  for (let at = 0; at < samples.length; at += 4) {
    const alpha = samples[at + 3]!;
    if (alpha === 0) continue;
    for (let color = at; color < at + 3; color++) {
      samples[color] = Math.min(most, Math.round((samples[color]! * most) / alpha));
    }
  }
}

/** Steps of linear light, 0 to 1, for which sRGB values are known: neighbors differ by less than one level of 255. */
const STEPS = 16_384;
let encoded: Uint8Array | undefined;

/** sRGB values by linear light. */
function srgbTable(): Uint8Array {
  if (encoded) return encoded;
  const table = new Uint8Array(STEPS + 1);
  let level = 0;
  for (let step = 0; step <= STEPS; step++) {
    while (level < 255 && SRGB_CURVE((level + 0.5) / 255) <= step / STEPS) level++;
    table[step] = level;
  }
  return (encoded = table);
}

/**
 * Pixels in 8-bit sRGB; transparency is kept.
 * @param samples interleaved, with 3 or 4 channels
 * @param most the largest value of a sample
 */
export function convertToSrgb(
  samples: Uint8Array | Uint16Array,
  channels: 3 | 4,
  most: number,
  { primaries, transfer }: ColorCoding,
): Uint8Array {
  const light = Float64Array.from({ length: most + 1 }, (_, value) => transfer.curve(value / most));
  const [[a, b, c], [d, e, f], [g, h, i]] = betweenPrimaries(primaries, SRGB_PRIMARIES);
  const [weightRed, weightGreen, weightBlue] = luminanceWeights(primaries);
  const brightest = brightestChannel(primaries);
  const table = srgbTable();
  const toSrgb = (value: number) => table[Math.round(STEPS * Math.min(1, Math.max(0, value)))]!;
  const pixels = new Uint8Array(samples.length);
  for (let at = 0; at < samples.length; at += channels) {
    const red = light[Math.min(most, samples[at]!)]!;
    const green = light[Math.min(most, samples[at + 1]!)]!;
    const blue = light[Math.min(most, samples[at + 2]!)]!;
    let factor = 1;
    if (transfer.hasOotf) factor = hlgOotf(weightRed * red + weightGreen * green + weightBlue * blue);
    if (transfer.isHdr) factor *= toneMapFactor(factor * brightest(red, green, blue));
    pixels[at] = toSrgb(factor * (a * red + b * green + c * blue));
    pixels[at + 1] = toSrgb(factor * (d * red + e * green + f * blue));
    pixels[at + 2] = toSrgb(factor * (g * red + h * green + i * blue));
    if (channels === 4) pixels[at + 3] = Math.round((255 * samples[at + 3]!) / most);
  }
  return pixels;
}

/** Of a pixel in BT.2020, in which browsers map tones. */
function brightestChannel(primaries: Primaries): (red: number, green: number, blue: number) => number {
  const [[a, b, c], [d, e, f], [g, h, i]] = betweenPrimaries(primaries, BT2020_PRIMARIES);
  return (red, green, blue) =>
    Math.max(a * red + b * green + c * blue, d * red + e * green + f * blue, g * red + h * green + i * blue);
}

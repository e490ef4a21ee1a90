/**
 * CMYK as browsers show it where no profile describes the inks: each takes its color away from white.
 * @param inks 0: none, 255: full
 */
export function inksToRgb(inks: Uint8Array): Uint8Array {
  const pixels = new Uint8Array((inks.length / 4) * 3);
  for (let from = 0, to = 0; to < pixels.length; from += 4, to += 3) {
    const white = 255 - inks[from + 3]!;
    pixels[to] = Math.round(((255 - inks[from]!) * white) / 255);
    pixels[to + 1] = Math.round(((255 - inks[from + 1]!) * white) / 255);
    pixels[to + 2] = Math.round(((255 - inks[from + 2]!) * white) / 255);
  }
  return pixels;
}

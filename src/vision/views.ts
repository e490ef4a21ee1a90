import type { Raster } from './raster.ts';

/**
 * Ways in which viewers show transparent pixels: only their colors, if a viewer ignores transparency, or on a background. The
 * darkest and the brightest background represent all others.
 */
export const VIEWS = ['colors', 'on white', 'on black'] as const;
export type View = (typeof VIEWS)[number];

/** All views in which the pixels look different. Opaque pixels have only one. */
export function viewsOf({ channels, data }: Raster): readonly View[] {
  if (channels !== 4) return ['colors'];
  let views: readonly View[] = ['colors'];
  for (let at = 3; at < data.length; at += 4) {
    const alpha = data[at]!;
    if (alpha === 255) continue;
    if (alpha !== 0) return VIEWS;
    // Their colors are already black, see clearHiddenColor.
    views = ['on white', 'on black'];
  }
  return views;
}

/** The colors without their transparency. */
export function colorsOf({ width, height, channels, data }: Raster): Raster {
  const colors = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < colors.length; from += channels, to += 3) {
    colors[to] = data[from]!;
    colors[to + 1] = data[from + 1]!;
    colors[to + 2] = data[from + 2]!;
  }
  return { width, height, channels: 3, data: colors };
}

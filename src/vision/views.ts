import type { Raster } from './raster.ts';

/**
 * The ways in which viewers show pixels that have transparency: their colours alone, as a viewer does that knows no
 * transparency, or before a background, of which the darkest and the brightest stand for all.
 */
export const VIEWS = ['colors', 'on white', 'on black'] as const;
export type View = (typeof VIEWS)[number];

/** All views in which the pixels look different. Opaque ones have but one. */
export function viewsOf({ channels, data }: Raster): readonly View[] {
  if (channels !== 4) return ['colors'];
  let views: readonly View[] = ['colors'];
  for (let at = 3; at < data.length; at += 4) {
    const alpha = data[at]!;
    if (alpha === 255) continue;
    if (alpha !== 0) return VIEWS;
    // There the colours are black already, see clearHiddenColor.
    views = ['on white', 'on black'];
  }
  return views;
}

/** The colours alone, whatever their transparency. */
export function colorsOf({ width, height, channels, data }: Raster): Raster {
  const colors = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < colors.length; from += channels, to += 3) {
    colors[to] = data[from]!;
    colors[to + 1] = data[from + 1]!;
    colors[to + 2] = data[from + 2]!;
  }
  return { width, height, channels: 3, data: colors };
}

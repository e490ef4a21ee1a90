import { blendRows, type Fill } from './fill.ts';
import type { Raster } from './raster.ts';

/** Amplitude of the grain that keeps a smooth fill from looking like plastic. */
const GRAIN = 3;
/** Columns after which the grain of a row repeats; each row starts at a different column of it. */
const GRAIN_PERIOD = 4096;

/**
 * Colors and nearness are accumulated along a row in 65536ths. `| 0` and `Math.imul` keep them integers of 32 bits for the
 * compiler: without, each pixel takes half as long again.
 */
const ONE = 65_536;
const HALF = ONE / 2;
const GRAINS = Int32Array.from({ length: GRAIN_PERIOD }, (_, x) =>
  Math.round(ONE * GRAIN * (hash(x) / 0x7fffffff - 1)),
);

/** Share of the fill in a pixel of the seam, by twice its nearness in 1024ths: an S-curve from 0 to 1. */
const SHARES = Int32Array.from({ length: 1025 }, (_, nearness) => {
  const t = nearness / 1024;
  return Math.round(ONE * t * t * (3 - 2 * t));
});

/** An integer hash with good avalanche (as in PCG), 0 to 2³² − 1. */
function hash(value: number): number {
  let mixed = Math.imul(value, 0x27d4eb2d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** Colors so far from black and white that grain leads to neither: pixels need no clamping, which takes half the time. */
function withRoomForGrain({ cells, channels }: Fill): Float32Array {
  const roomy = cells.slice();
  for (let at = 0; at < roomy.length; at += channels) {
    for (let c = at; c < at + 3; c++) roomy[c] = Math.min(255 - GRAIN, Math.max(GRAIN, roomy[c]!));
  }
  return roomy;
}

/**
 * Writes a fill into the photo, row by row and from left to right. Between two cells, a color changes by the same step per
 * pixel.
 */
export class FillBrush {
  readonly #photo: Raster;
  readonly #spared: Uint8Array;
  readonly #fill: Fill;
  /** The cells of the fill, interpolated at the row. */
  readonly #cells: Float32Array;
  /** Between two cells, per channel: value at the first pixel, and step per pixel. */
  readonly #starts: Int32Array;
  readonly #steps: Int32Array;
  #y = 0;
  #grainStart = 0;

  /** @param spared one byte per column of the row at hand, not 0 where the seam must leave the pixel alone */
  constructor(photo: Raster, spared: Uint8Array, fill: Fill) {
    this.#photo = photo;
    this.#spared = spared;
    this.#fill = { ...fill, cells: withRoomForGrain(fill) };
    this.#cells = new Float32Array(fill.columns * fill.channels);
    this.#starts = new Int32Array(fill.channels);
    this.#steps = new Int32Array(fill.channels);
  }

  moveTo(y: number): void {
    const { window, cellSize, rows, cells } = this.#fill;
    blendRows(cells, this.#cells.length, rows, (y + 0.5 - window.top) / cellSize - 0.5, this.#cells);
    this.#y = y;
    this.#grainStart = hash(y) & (GRAIN_PERIOD - 1);
  }

  /** Replaces the pixels of the columns `from` to `to`. */
  cover(from: number, to: number): void {
    const starts = this.#starts;
    const steps = this.#steps;
    const grainStart = this.#grainStart;
    const { channels, data, width } = this.#photo;
    for (let x = from, at = (this.#y * width + from) * channels; x < to;) {
      const end = this.#enterStretch(x, to);
      let red = starts[0]!;
      let green = starts[1]!;
      let blue = starts[2]!;
      let alpha = starts[3]!;
      const redStep = steps[0]!;
      const greenStep = steps[1]!;
      const blueStep = steps[2]!;
      const alphaStep = steps[3]!;
      for (; x < end; x++, at += channels) {
        const grain = GRAINS[(x + grainStart) & (GRAIN_PERIOD - 1)]!;
        data[at] = (red + grain) >> 16;
        data[at + 1] = (green + grain) >> 16;
        data[at + 2] = (blue + grain) >> 16;
        if (channels === 4) data[at + 3] = alpha >> 16;
        red = (red + redStep) | 0;
        green = (green + greenStep) | 0;
        blue = (blue + blueStep) | 0;
        alpha = (alpha + alphaStep) | 0;
      }
    }
  }

  /** Blends the fill into the columns `from` to `to`, more near the mask; masked pixels are not changed. */
  soften(from: number, to: number): void {
    const spared = this.#spared;
    const starts = this.#starts;
    const steps = this.#steps;
    const grainStart = this.#grainStart;
    const { channels, data, width } = this.#photo;
    for (let x = from, at = (this.#y * width + from) * channels; x < to;) {
      const end = this.#enterStretch(x, to);
      let nearness = starts[channels]! - HALF;
      const nearnessStep = steps[channels]!;
      // The steps are constant: a value that is 0 at both ends is 0 between them.
      if (nearness <= 0 && nearness + (end - x) * nearnessStep <= 0) {
        at += (end - x) * channels;
        x = end;
      }
      let red = starts[0]!;
      let green = starts[1]!;
      let blue = starts[2]!;
      let alpha = starts[3]!;
      const redStep = steps[0]!;
      const greenStep = steps[1]!;
      const blueStep = steps[2]!;
      const alphaStep = steps[3]!;
      for (; x < end; x++, at += channels) {
        const share = SHARES[Math.min(1024, Math.max(0, nearness >> 5))]!;
        if (share > 0 && spared[x] === 0) {
          const grain = GRAINS[(x + grainStart) & (GRAIN_PERIOD - 1)]!;
          data[at] = blend(data[at]!, (red + grain) >> 16, share);
          data[at + 1] = blend(data[at + 1]!, (green + grain) >> 16, share);
          data[at + 2] = blend(data[at + 2]!, (blue + grain) >> 16, share);
          if (channels === 4) data[at + 3] = blend(data[at + 3]!, alpha >> 16, share);
        }
        red = (red + redStep) | 0;
        green = (green + greenStep) | 0;
        blue = (blue + blueStep) | 0;
        alpha = (alpha + alphaStep) | 0;
        nearness = (nearness + nearnessStep) | 0;
      }
    }
  }

  /** Sets starts and steps for the stretch that starts at column `x`. Returns its end, which is `to` or before. */
  #enterStretch(x: number, to: number): number {
    const { window, cellSize, columns, channels } = this.#fill;
    const cells = this.#cells;
    const starts = this.#starts;
    const steps = this.#steps;
    const position = (x + 0.5 - window.left) / cellSize - 0.5;
    const column = Math.floor(position);
    const left = Math.max(column, 0) * channels;
    const right = Math.min(column + 1, columns - 1) * channels;
    for (let c = 0; c < channels; c++) {
      const start = ONE * cells[left + c]!;
      const difference = ONE * cells[right + c]! - start;
      starts[c] = start + (position - column) * difference + HALF;
      steps[c] = difference / cellSize;
    }
    const end = Math.ceil(window.left + (column + 1.5) * cellSize - 0.5);
    return Math.min(to, Math.max(end, x + 1));
  }
}

function blend(one: number, other: number, share: number): number {
  return one + ((Math.imul(share, other - one) + HALF) >> 16);
}

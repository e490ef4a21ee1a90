import { blendRows, type Fill } from './fill.ts';
import type { Raster } from './raster.ts';

/** Amplitude of the grain that keeps a smooth fill from looking like plastic. */
const GRAIN = 3;
/** Columns after which the grain of a row repeats; each row starts at a different column of it. */
const GRAIN_PERIOD = 4096;

/** Colors and nearness are accumulated along a row in 65536ths. */
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

/**
 * Writes a fill into the photo, row by row and from left to right. Between two cells, a color changes by the same step per
 * pixel.
 */
export class FillBrush {
  readonly #photo: Raster;
  readonly #covered: Uint8Array;
  readonly #fill: Fill;
  /** Rounds and clamps as it stores. */
  readonly #data: Uint8ClampedArray;
  /** The cells of the fill, interpolated at the row. */
  readonly #cells: Float32Array;
  /** Between two cells, per channel: value at the first pixel, and step per pixel. */
  readonly #starts: Int32Array;
  readonly #steps: Int32Array;
  #y = 0;
  #grainStart = 0;

  /** @param covered one byte per pixel of the photo, not 0 where masked */
  constructor(photo: Raster, covered: Uint8Array, fill: Fill) {
    this.#photo = photo;
    this.#covered = covered;
    this.#fill = fill;
    this.#data = new Uint8ClampedArray(photo.data.buffer, photo.data.byteOffset, photo.data.length);
    this.#cells = new Float32Array(fill.columns * fill.channels);
    this.#starts = new Int32Array(fill.channels);
    this.#steps = new Int32Array(fill.channels);
  }

  moveTo(y: number): void {
    const { window, cellSize, rows, cells } = this.#fill;
    blendRows(cells, this.#cells.length, rows, (y + 0.5 - window.top) / cellSize - 0.5, this.#cells);
    this.#y = y;
    this.#grainStart = hash(y);
  }

  /** Replaces the pixels of the columns `from` to `to`. */
  cover(from: number, to: number): void {
    const data = this.#data;
    const starts = this.#starts;
    const steps = this.#steps;
    const grainStart = this.#grainStart;
    const { channels, width } = this.#photo;
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
        red += redStep;
        green += greenStep;
        blue += blueStep;
        alpha += alphaStep;
      }
    }
  }

  /** Blends the fill into the columns `from` to `to`, more near the mask; masked pixels are not changed. */
  soften(from: number, to: number): void {
    const data = this.#data;
    const covered = this.#covered;
    const starts = this.#starts;
    const steps = this.#steps;
    const grainStart = this.#grainStart;
    const { channels, width } = this.#photo;
    const firstOfRow = this.#y * width;
    for (let x = from; x < to;) {
      const end = this.#enterStretch(x, to);
      let nearness = starts[channels]! - HALF;
      const nearnessStep = steps[channels]!;
      // The steps are constant: a value that is 0 at the start and does not grow stays 0.
      if (nearness <= 0 && nearnessStep <= 0) x = end;
      let red = starts[0]!;
      let green = starts[1]!;
      let blue = starts[2]!;
      let alpha = starts[3]!;
      const redStep = steps[0]!;
      const greenStep = steps[1]!;
      const blueStep = steps[2]!;
      const alphaStep = steps[3]!;
      for (; x < end; x++) {
        const pixel = firstOfRow + x;
        const share = covered[pixel] === 0 ? SHARES[Math.min(1024, Math.max(0, nearness >> 5))]! : 0;
        if (share > 0) {
          const at = pixel * channels;
          const grain = GRAINS[(x + grainStart) & (GRAIN_PERIOD - 1)]!;
          data[at] = blend(data[at]!, (red + grain) >> 16, share);
          data[at + 1] = blend(data[at + 1]!, (green + grain) >> 16, share);
          data[at + 2] = blend(data[at + 2]!, (blue + grain) >> 16, share);
          if (channels === 4) data[at + 3] = blend(data[at + 3]!, alpha >> 16, share);
        }
        red += redStep;
        green += greenStep;
        blue += blueStep;
        alpha += alphaStep;
        nearness += nearnessStep;
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
  return one + ((share * (other - one) + HALF) >> 16);
}

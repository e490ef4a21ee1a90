import type { Placement } from '../../vision/faces.ts';
import type { Size } from '../../vision/geometry.ts';
import { sizeAt } from '../../vision/letterbox.ts';
import type { Look } from '../../vision/looks.ts';
import { cropPixels, type Raster } from '../../vision/raster.ts';
import { shrinkByMean } from '../../vision/shrink.ts';
import { type Turn, turnedSize, turnPixels } from '../../vision/turn.ts';
import { resizePixels } from './source-image.ts';

/** Reads a photo in one view at a size. */
export type ReadAtSize = (size: Size) => Promise<Raster>;

/** The pixels of a look, and their placement in the turned photo. */
export interface Seen {
  readonly rgb: Raster;
  readonly placement: Placement;
}

/**
 * Pixels of a photo for its looks. Each size is made from the next larger one that is known or planned; without one, the
 * photo is read.
 */
export class PixelsForLooks {
  readonly #photo: Size;
  readonly #readAtSize: ReadAtSize;
  readonly #planned: readonly number[];
  /** Upright, by long side. */
  readonly #sizes = new Map<number, Raster>();
  #turned: { readonly turn: Turn; readonly longSide: number; readonly raster: Raster } | null = null;
  #lastReadMs = 0;

  /** @param planned long sides of which all are needed */
  constructor(photo: Size, readAtSize: ReadAtSize, planned: readonly number[]) {
    this.#photo = photo;
    this.#readAtSize = readAtSize;
    this.#planned = planned;
  }

  async of(look: Look): Promise<Seen> {
    const { turn, tile } = look;
    const whole = await this.#whole(look);
    const photo = turnedSize(this.#photo, turn);
    const [scaleX, scaleY] = [whole.width / photo.width, whole.height / photo.height];
    const box = {
      left: Math.round(tile.left * scaleX),
      top: Math.round(tile.top * scaleY),
      right: Math.round(tile.right * scaleX),
      bottom: Math.round(tile.bottom * scaleY),
    };
    return { rgb: cropPixels(whole, box), placement: { scaleX, scaleY, offset: { x: box.left, y: box.top } } };
  }

  /** About how long reading takes for a look at this size: as long as it took before. Reading it larger takes a little longer. */
  readMsFor(longSide: number): number {
    return [...this.#sizes.keys()].some((size) => size >= longSide) ? 0 : this.#lastReadMs;
  }

  async #whole(look: Look): Promise<Raster> {
    const { turn, longSide, votes } = look;
    if (this.#turned?.turn !== turn || this.#turned.longSide !== longSide) {
      this.#turned = { turn, longSide, raster: turnPixels(await this.#upright(longSide, votes), turn) };
    }
    return this.#turned.raster;
  }

  async #upright(longSide: number, votes: boolean): Promise<Raster> {
    const known = this.#sizes.get(longSide);
    if (known) return known;
    const next = Math.min(...[...this.#planned, ...this.#sizes.keys()].filter((larger) => larger > longSide));
    const size = sizeAt(this.#photo, longSide);
    // The small look is for faces that fill much of the photo: for those, averaging is good enough and much faster.
    const shrink = votes ? resizePixels : shrinkByMean;
    const raster = next < Infinity ? await shrink(await this.#upright(next, true), size) : await this.#read(size);
    this.#sizes.set(longSide, raster);
    return raster;
  }

  async #read(size: Size): Promise<Raster> {
    const start = performance.now();
    const raster = await this.#readAtSize(size);
    this.#lastReadMs = performance.now() - start;
    return raster;
  }
}

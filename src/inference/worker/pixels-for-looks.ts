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

/** Pixels of a photo for its looks. The photo is read at the size of the first look; smaller sizes are made from that. */
export class PixelsForLooks {
  readonly #photo: Size;
  readonly #readAtSize: ReadAtSize;
  /** Upright, by long side. */
  readonly #sizes = new Map<number, Raster>();
  #turned: { readonly turn: Turn; readonly longSide: number; readonly raster: Raster } | null = null;

  constructor(photo: Size, readAtSize: ReadAtSize) {
    this.#photo = photo;
    this.#readAtSize = readAtSize;
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

  async #whole(look: Look): Promise<Raster> {
    const { turn, longSide } = look;
    if (this.#turned?.turn !== turn || this.#turned.longSide !== longSide) {
      this.#turned = { turn, longSide, raster: turnPixels(await this.#upright(look), turn) };
    }
    return this.#turned.raster;
  }

  async #upright({ longSide, votes }: Look): Promise<Raster> {
    const known = this.#sizes.get(longSide);
    if (known) return known;
    const [next] = [...this.#sizes].filter(([size]) => size > longSide).sort(([a], [b]) => a - b);
    const size = sizeAt(this.#photo, longSide);
    // The small look is for faces that fill much of the photo: for those, averaging is good enough and much faster.
    const shrink = votes ? resizePixels : shrinkByMean;
    const raster = next ? await shrink(next[1], size) : await this.#readAtSize(size);
    this.#sizes.set(longSide, raster);
    return raster;
  }
}

import { coverage, type MaskShape } from '../../vision/mask.ts';
import { joinNeighbours } from '../../vision/neighbours.ts';
import { type MaskStyle, paintMask } from '../../vision/paint.ts';
import { clearHiddenColor, type Raster } from '../../vision/raster.ts';
import { release } from './release.ts';
import type { Stages } from './stages.ts';

/**
 * Frames under their masks. A frame to which a mask was added is painted anew, from its original and with all its
 * masks at once: the fill of an earlier mask may have been made of the very face that the new one hides.
 */
export class MaskedFrames {
  /** The frames as painted, alike, in one buffer, one after another. */
  readonly pictures: readonly Raster[];
  /** Not to be read once they have been painted in place. */
  readonly originals: readonly Raster[];
  readonly #shapes: MaskShape[][];
  readonly #isAnimation: boolean;
  readonly #style: MaskStyle;
  #changed: ReadonlySet<number>;

  /**
   * @param frames alike, in one buffer; painted in place unless masks may be added
   * @param shapes those of each frame
   */
  constructor(
    frames: readonly Raster[],
    shapes: readonly (readonly MaskShape[])[],
    isAnimation: boolean,
    style: MaskStyle,
    mayBeAdded: boolean,
  ) {
    this.originals = frames;
    this.pictures = mayBeAdded ? copyFrames(frames) : frames;
    this.#shapes = shapes.map((own) => [...own]);
    this.#isAnimation = isAnimation;
    this.#style = style;
    this.#changed = new Set(frames.keys());
  }

  add(frame: number, shapes: readonly MaskShape[]): void {
    this.#shapes[frame]!.push(...shapes);
    const reached = this.#isAnimation ? [frame - 1, frame, frame + 1] : [frame];
    this.#changed = new Set([...this.#changed, ...reached.filter((index) => index in this.pictures)]);
  }

  /** One byte per pixel of a frame, 1 where it is masked. */
  coverage(frame: number): Uint8Array {
    return coverage(this.#shapesOver()[frame]!, this.pictures[frame]!);
  }

  /**
   * Paints the frames whose masks have changed since they were painted.
   * @returns their numbers
   */
  async paint(stages: Stages): Promise<number[]> {
    const changed = [...this.#changed].sort((a, b) => a - b);
    this.#changed = new Set();
    const shapes = this.#shapesOver();
    for (const frame of changed) {
      await stages.run('mask', () => {
        this.#paintFrame(frame, shapes[frame]!);
      });
    }
    return changed;
  }

  /** Frees the pixels of all frames. */
  release(): void {
    // One buffer holds all of them.
    release(this.pictures[0]!.data);
    if (this.originals !== this.pictures) release(this.originals[0]!.data);
  }

  #paintFrame(frame: number, shapes: readonly MaskShape[]): void {
    const [picture, original] = [this.pictures[frame]!, this.originals[frame]!];
    if (picture !== original) picture.data.set(original.data);
    paintMask(picture, shapes, this.#style);
    // Where a fill is fully transparent, its grain is not to be left.
    clearHiddenColor(picture);
  }

  /** In an animation, the masks of a frame lie over the frames before and after it as well. */
  #shapesOver(): MaskShape[][] {
    return this.#isAnimation ? joinNeighbours(this.#shapes) : this.#shapes;
  }
}

function copyFrames(frames: readonly Raster[]): Raster[] {
  const size = frames[0]!.data.length;
  const film = new Uint8Array(frames.length * size);
  return frames.map((frame, index) => ({ ...frame, data: film.subarray(index * size, (index + 1) * size) }));
}

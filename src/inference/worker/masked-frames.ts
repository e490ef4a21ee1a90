import { coverage, type MaskShape } from '../../vision/mask.ts';
import { joinNeighbors } from '../../vision/neighbors.ts';
import { type MaskStyle, paintMask } from '../../vision/paint.ts';
import { clearHiddenColor, type Raster } from '../../vision/raster.ts';
import { release } from './release.ts';
import type { Stages } from './stages.ts';

/**
 * Frames with their masks. When a mask is added, the frame is painted again from its original with all masks: the fill of an
 * earlier mask may have been computed from the face that the new one hides.
 */
export class MaskedFrames {
  /** The painted frames, of the same size, one after another in one buffer. */
  readonly pictures: readonly Raster[];
  /** Must not be read after they have been painted in place. */
  readonly originals: readonly Raster[];
  readonly #shapes: MaskShape[][];
  readonly #isAnimation: boolean;
  readonly #style: MaskStyle;
  #changed: ReadonlySet<number>;

  /**
   * @param frames of the same size, in one buffer; painted in place unless masks may be added
   * @param shapes of each frame
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

  /** The masks of a frame itself, in the order in which they were added. */
  shapesOf(frame: number): readonly MaskShape[] {
    return this.#shapes[frame]!;
  }

  /** One byte per pixel of a frame, 1 where it is masked. */
  coverage(frame: number): Uint8Array {
    return coverage(this.#shapesOver()[frame]!, this.pictures[frame]!);
  }

  /**
   * Paints the frames whose masks have changed.
   * @returns their indices
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
    // All frames are in one buffer.
    release(this.pictures[0]!.data);
    if (this.originals !== this.pictures) release(this.originals[0]!.data);
  }

  #paintFrame(frame: number, shapes: readonly MaskShape[]): void {
    const [picture, original] = [this.pictures[frame]!, this.originals[frame]!];
    if (picture !== original) picture.data.set(original.data);
    paintMask(picture, shapes, this.#style);
    // The grain of a fill must not be left under fully transparent pixels.
    clearHiddenColor(picture);
  }

  /** In an animation, the masks of a frame also cover the frames before and after it. */
  #shapesOver(): MaskShape[][] {
    return this.#isAnimation ? joinNeighbors(this.#shapes) : this.#shapes;
  }
}

function copyFrames(frames: readonly Raster[]): Raster[] {
  const size = frames[0]!.data.length;
  const film = new Uint8Array(frames.length * size);
  return frames.map((frame, index) => ({ ...frame, data: film.subarray(index * size, (index + 1) * size) }));
}

import { jpegSegments, SOS } from './container/jpeg-segments.ts';
import type { Box, Size } from './geometry.ts';

/** The blocks of a grid along one axis, in pixels of the upright image. */
export interface GridAxis {
  readonly size: number;
  /** Where one of the grid's lines lies, from 0 to below `size`. */
  readonly offset: number;
  /** So many pixels around a block the encoder looks at before it codes the block, by filtering colour or smoothing. */
  readonly before: number;
  /** So many pixels around a block the decoder changes by what it holds, by smoothing. */
  readonly after: number;
}

/**
 * How far a lossy format carries what lies in a pixel: an encoder's filter takes it into the blocks within `before`, the
 * quantiser smears it over all of them, and a decoder's smoothing takes it on into the pixels within `after`.
 */
export interface BlockGrid {
  readonly x: GridAxis;
  readonly y: GridAxis;
}

/** How the stored image's axes lie in the upright one, by EXIF orientation 1 to 8 (CIPA DC-008, tag 0x0112). */
const SWAPPED = [5, 6, 7, 8];
const MIRRORED_X = [2, 3, 6, 7];
const MIRRORED_Y = [3, 4, 7, 8];

/** An axis of the stored image, before its place in the upright one is known. */
type Reach = Omit<GridAxis, 'offset'>;

/**
 * The grid whose blocks are counted from the stored image's top left corner, as it lies in the upright image.
 * @param orientation as in EXIF; anything but 2 to 8 means that the image is stored upright
 */
export function uprightGrid(stored: Size, reachX: Reach, reachY: Reach, orientation: number): BlockGrid {
  const swapped = SWAPPED.includes(orientation);
  const size = swapped ? { width: stored.height, height: stored.width } : stored;
  const [x, y] = swapped ? [reachY, reachX] : [reachX, reachY];
  return {
    x: { ...x, offset: MIRRORED_X.includes(orientation) ? size.width % x.size : 0 },
    y: { ...y, offset: MIRRORED_Y.includes(orientation) ? size.height % y.size : 0 },
  };
}

/** Whole pixels moved outward to all that what they hold may have reached. */
export function growToBlocks({ left, top, right, bottom }: Box, { x, y }: BlockGrid): Box {
  return { left: lower(left, x), top: lower(top, y), right: upper(right, x), bottom: upper(bottom, y) };
}

/** Whole pixels moved outward to all from which something may have reached them. */
export function growToSources(box: Box, { x, y }: BlockGrid): Box {
  const reversed = (axis: GridAxis) => ({ ...axis, before: axis.after, after: axis.before });
  return growToBlocks(box, { x: reversed(x), y: reversed(y) });
}

function lower(at: number, { size, offset, before, after }: GridAxis): number {
  return Math.floor((at - before - offset) / size) * size + offset - after;
}

function upper(at: number, { size, offset, before, after }: GridAxis): number {
  return Math.ceil((at + before - offset) / size) * size + offset + after;
}

/** A grid of pixels that reaches as far, on every side, as the farther axis of `grids` does from any place in a block. */
export function anywhereOn(grids: readonly BlockGrid[]): BlockGrid {
  const axes = grids.flatMap(({ x, y }) => [x, y]);
  const before = Math.max(...axes.map((axis) => axis.before + axis.size - 1 + axis.after));
  const axis = { size: 1, offset: 0, before, after: 0 };
  return { x: axis, y: axis };
}

/** Side of a block of the discrete cosine transform. */
const DCT_SIZE = 8;
/** What libjpeg's option `-smooth` mixes into each pixel, at full resolution: its neighbours. */
const SMOOTHED_PIXELS = 1;
/**
 * So many samples of a subsampled component to each side are looked at where it is made: ffmpeg's widest filters (sinc,
 * spline) take 10 on each side, other encoders at most 3, and half a sample is added where colour lies between pixels.
 */
const FILTERED_SAMPLES = 11;
/** Fancy upsampling takes the nearest sample of the next block into account, and no more. */
const UPSAMPLED_SAMPLES = 1;
/** libjpeg-turbo smooths over so many blocks to each side where a progressive file holds less than it announces. */
const SMOOTHED_BLOCKS = 2;

interface JpegFrame {
  readonly size: Size;
  readonly progressive: boolean;
  readonly components: readonly { readonly id: number; readonly h: number; readonly v: number }[];
}

/**
 * The grid of a JPEG's blocks (ITU-T T.81, A.2), as large as those of the component that is subsampled most.
 * @returns null where the bytes hold no frame header
 */
export function jpegGrid(bytes: Uint8Array, orientation: number): BlockGrid | null {
  let frame: JpegFrame | null = null;
  const precision = new Precision();
  for (const { marker, data } of jpegSegments(bytes)) {
    if (frame === null && isFrameHeader(marker)) frame = readFrame(marker, data);
    else if (marker === SOS && frame?.progressive) precision.add(data);
    else if (marker === SOS) break;
  }
  if (frame === null) return null;
  const smoothed = frame.progressive && !frame.components.every(({ id }) => precision.isFull(id));
  const reach = (factors: readonly number[]) => jpegReach(Math.max(...factors) / Math.min(...factors), smoothed);
  const { size, components } = frame;
  return uprightGrid(size, reach(components.map(({ h }) => h)), reach(components.map(({ v }) => v)), orientation);
}

/** @param shrunk how many pixels there are to a sample of the component that is subsampled most */
function jpegReach(shrunk: number, smoothed: boolean): Reach {
  const size = DCT_SIZE * shrunk;
  return {
    size,
    before: shrunk > 1 ? FILTERED_SAMPLES * shrunk : SMOOTHED_PIXELS,
    after: (shrunk > 1 ? UPSAMPLED_SAMPLES * shrunk : 0) + (smoothed ? SMOOTHED_BLOCKS * size : 0),
  };
}

/** SOF0 to SOF15, without DHT, JPG and DAC, which lie between them. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

/** @param segment precision, height, width, then for each component its id, sampling factors and table */
function readFrame(marker: number, segment: Uint8Array): JpegFrame | null {
  if (segment.length < 9) return null;
  return {
    size: { height: segment[1]! * 256 + segment[2]!, width: segment[3]! * 256 + segment[4]! },
    progressive: (marker & 3) === 2,
    components: Array.from({ length: segment[5]! }, (_, index) => {
      const [id = 0, factors = 0x11] = segment.subarray(6 + 3 * index);
      return { id, h: Math.max(1, factors >> 4), v: Math.max(1, factors & 15) };
    }),
  };
}

/** To which bit the scans of a progressive file have brought each coefficient, component by component. */
class Precision {
  readonly #missingBits = new Map<number, Uint8Array>();

  /** @param segment of a scan: number of components, their ids and tables, first and last coefficient, bits left out */
  add(segment: Uint8Array): void {
    const count = segment[0] ?? 0;
    const [first = 0, last = 0, approximation = 0] = segment.subarray(1 + 2 * count);
    for (let index = 0; index < count; index++) {
      const id = segment[1 + 2 * index] ?? 0;
      const bits = this.#missingBits.get(id) ?? new Uint8Array(DCT_SIZE ** 2).fill(NOTHING_CODED);
      bits.fill(approximation & 15, first, last + 1);
      this.#missingBits.set(id, bits);
    }
  }

  isFull(id: number): boolean {
    return this.#missingBits.get(id)?.every((missing) => missing === 0) ?? false;
  }
}

const NOTHING_CODED = 255;

/** VP8's macroblocks, and about what AV1's deblocking and directional filters reach. */
const VIDEO_REACH: Reach = { size: 16, before: 0, after: 16 };

/**
 * For formats that predict blocks from others (WebP, AVIF): a grid that holds the ringing and what filters smear.
 * Prediction can carry traces farther, wherever the encoder let it.
 */
export function videoGrid(stored: Size, orientation: number): BlockGrid {
  return uprightGrid(stored, VIDEO_REACH, VIDEO_REACH, orientation);
}

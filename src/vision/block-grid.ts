import { isFrameHeader, jpegSegments, SOS } from './container/jpeg-segments.ts';
import type { Box, Size } from './geometry.ts';

/** The blocks of a grid along one axis, in pixels of the upright image. */
export interface GridAxis {
  readonly size: number;
  /** Position of one line of the grid, from 0 to below `size`. */
  readonly offset: number;
  /** Pixels around a block that influence it in the encoder, by color filters or smoothing. */
  readonly before: number;
  /** Pixels around a block that it influences in the decoder, by smoothing. */
  readonly after: number;
}

/**
 * How far a lossy format spreads the content of a pixel: the filter of the encoder spreads it to the blocks within `before`,
 * the quantizer to all pixels of these blocks, and the smoothing of the decoder to the pixels within `after`.
 */
export interface BlockGrid {
  readonly x: GridAxis;
  readonly y: GridAxis;
}

/** EXIF orientations (CIPA DC-008, tag 0x0112) with swapped and with mirrored axes */
const SWAPPED = [5, 6, 7, 8];
const MIRRORED_X = [2, 3, 6, 7];
const MIRRORED_Y = [3, 4, 7, 8];

/** An axis of the stored image, without its place in the upright one */
type Reach = Omit<GridAxis, 'offset'>;

/**
 * The grid whose blocks start at the top left corner of the stored image, in pixels of the upright image.
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

/** Grows whole pixels to all pixels to which their content may have spread. */
export function growToBlocks({ left, top, right, bottom }: Box, { x, y }: BlockGrid): Box {
  return { left: lower(left, x), top: lower(top, y), right: upper(right, x), bottom: upper(bottom, y) };
}

/** Grows whole pixels to all pixels whose content may have spread to them. */
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

/** A grid of single pixels that reaches, on every side, as far as the farthest axis of `grids` from any place in a block. */
export function anywhereOn(grids: readonly BlockGrid[]): BlockGrid {
  const axes = grids.flatMap(({ x, y }) => [x, y]);
  const before = Math.max(...axes.map((axis) => axis.before + axis.size - 1 + axis.after));
  const axis = { size: 1, offset: 0, before, after: 0 };
  return { x: axis, y: axis };
}

/** Side of a block of the discrete cosine transform. */
const DCT_SIZE = 8;
/** libjpeg's option `-smooth` mixes this many neighbors into each pixel at full resolution. */
const SMOOTHED_PIXELS = 1;
/**
 * Samples on each side that the filter of an encoder uses for a subsampled component. ffmpeg's widest filters (sinc, spline)
 * use 10, other encoders at most 3; half a sample is added if color samples lie between pixels.
 */
const FILTERED_SAMPLES = 11;
/** Fancy upsampling uses only the nearest sample of the next block. */
const UPSAMPLED_SAMPLES = 1;
/** libjpeg-turbo smooths over this many blocks on each side if a progressive file is incomplete. */
const SMOOTHED_BLOCKS = 2;

interface JpegFrame {
  readonly size: Size;
  readonly progressive: boolean;
  readonly components: readonly { readonly id: number; readonly h: number; readonly v: number }[];
}

/**
 * The grid of a JPEG (ITU-T T.81, A.2), with the blocks of the component that is subsampled most.
 * @returns null if there is no frame header
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

/** @param shrunk pixels per sample of the component that is subsampled most */
function jpegReach(shrunk: number, smoothed: boolean): Reach {
  const size = DCT_SIZE * shrunk;
  return {
    size,
    before: shrunk > 1 ? FILTERED_SAMPLES * shrunk : SMOOTHED_PIXELS,
    after: (shrunk > 1 ? UPSAMPLED_SAMPLES * shrunk : 0) + (smoothed ? SMOOTHED_BLOCKS * size : 0),
  };
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

/** Number of missing bits of each coefficient after the scans of a progressive file, per component. */
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

/** Macroblocks of VP8, and the approximate reach of AV1's deblocking and directional filters. */
const VIDEO_REACH: Reach = { size: 16, before: 0, after: 16 };

/**
 * For formats that predict blocks from others (WebP, AVIF): a grid that contains ringing and the reach of filters.
 * Prediction can spread traces farther, depending on the encoder.
 */
export function videoGrid(stored: Size, orientation: number): BlockGrid {
  return uprightGrid(stored, VIDEO_REACH, VIDEO_REACH, orientation);
}

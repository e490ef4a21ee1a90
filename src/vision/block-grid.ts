import type { Box, Size } from './geometry.ts';

/**
 * The grid of blocks by which a lossy format codes an image, in pixels of the upright image. What lies in a block is
 * smeared over all of it by the quantiser, and a decoder's smoothing carries it a little into the blocks around.
 */
export interface BlockGrid {
  readonly width: number;
  readonly height: number;
  /** Where one of the grid's lines lies, from 0 to below the block's width and height. */
  readonly offsetX: number;
  readonly offsetY: number;
  /** So many blocks around one may hold something of it, by the decoder's smoothing. */
  readonly reach: number;
}

/** How the stored image's axes lie in the upright one, by EXIF orientation 1 to 8 (CIPA DC-008, tag 0x0112). */
const SWAPPED = [5, 6, 7, 8];
const MIRRORED_X = [2, 3, 6, 7];
const MIRRORED_Y = [3, 4, 7, 8];

/**
 * The grid of blocks of size `block`, counted from the stored image's top left corner, as it lies in the upright image.
 * @param orientation as in EXIF; anything but 2 to 8 means that the image is stored upright
 */
export function uprightGrid(stored: Size, block: Size, orientation: number, reach: number): BlockGrid {
  const swapped = SWAPPED.includes(orientation);
  const size = swapped ? { width: stored.height, height: stored.width } : stored;
  const { width, height } = swapped ? { width: block.height, height: block.width } : block;
  return {
    width,
    height,
    offsetX: MIRRORED_X.includes(orientation) ? size.width % width : 0,
    offsetY: MIRRORED_Y.includes(orientation) ? size.height % height : 0,
    reach,
  };
}

/** Whole pixels moved outward to the blocks that they touch, and on to those within the grid's reach. */
export function growToBlocks(box: Box, { width, height, offsetX, offsetY, reach }: BlockGrid): Box {
  return {
    left: (Math.floor((box.left - offsetX) / width) - reach) * width + offsetX,
    top: (Math.floor((box.top - offsetY) / height) - reach) * height + offsetY,
    right: (Math.ceil((box.right - offsetX) / width) + reach) * width + offsetX,
    bottom: (Math.ceil((box.bottom - offsetY) / height) + reach) * height + offsetY,
  };
}

/** Side of a block of the discrete cosine transform. */
const DCT_SIZE = 8;
/** Fancy upsampling of colour takes the nearest sample of the neighbouring MCU into account, and no more. */
const UPSAMPLING_REACH = 1;
/**
 * libjpeg-turbo smooths between blocks where a progressive file holds less than it announces: from two blocks around,
 * in which upsampling has its reach as well.
 */
const SMOOTHING_REACH = 3;

interface JpegFrame {
  readonly size: Size;
  readonly mcu: Size;
  readonly progressive: boolean;
  readonly components: number;
}

/**
 * The grid of minimum coded units of a JPEG (ITU-T T.81, A.2), whose size follows from the frame's sampling factors.
 * @returns null where the bytes hold no frame header
 */
export function jpegGrid(bytes: Uint8Array, orientation: number): BlockGrid | null {
  let frame: JpegFrame | null = null;
  let preciseScans = 0;
  for (const { marker, start, length } of jpegMarkers(bytes)) {
    const segment = bytes.subarray(start, start + length);
    if (frame === null && isFrameHeader(marker)) frame = readFrame(marker, segment);
    else if (marker === SOS && frame?.progressive) preciseScans += precision(segment);
    else if (marker === SOS) break;
  }
  if (frame === null) return null;
  const smoothed = frame.progressive && preciseScans < frame.components * DCT_SIZE ** 2;
  return uprightGrid(frame.size, frame.mcu, orientation, smoothed ? SMOOTHING_REACH : UPSAMPLING_REACH);
}

const SOS = 0xda;
const EOI = 0xd9;

/** SOF0 to SOF15, without DHT, JPG and DAC, which lie between them. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

/** Every marker that has a segment, up to the end of the first image; `start` and `length` are those of its payload. */
function* jpegMarkers(bytes: Uint8Array): Generator<{ marker: number; start: number; length: number }> {
  let at = 2;
  while (at + 4 <= bytes.length) {
    // Coded data lies between segments: in it, 0xff is followed by 0 or by a restart marker.
    at = bytes.indexOf(0xff, at);
    if (at < 0 || at + 4 > bytes.length) return;
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
    } else if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
    } else {
      if (marker === EOI) return;
      const length = Math.max(2, bytes[at + 2]! * 256 + bytes[at + 3]!);
      yield { marker, start: at + 4, length: length - 2 };
      at += 2 + length;
    }
  }
}

/** @param segment precision, height, width, then for each component its id, sampling factors and table */
function readFrame(marker: number, segment: Uint8Array): JpegFrame | null {
  if (segment.length < 9) return null;
  const factors = Array.from({ length: segment[5]! }, (_, component) => segment[7 + 3 * component] ?? 0x11);
  return {
    size: { height: segment[1]! * 256 + segment[2]!, width: segment[3]! * 256 + segment[4]! },
    mcu: {
      width: DCT_SIZE * Math.max(1, ...factors.map((factor) => factor >> 4)),
      height: DCT_SIZE * Math.max(1, ...factors.map((factor) => factor & 15)),
    },
    progressive: (marker & 3) === 2,
    components: factors.length,
  };
}

/** How many coefficients a scan of a progressive file brings to full precision, over all of its components. */
function precision(segment: Uint8Array): number {
  const components = segment[0] ?? 0;
  const [first = 0, last = 0, approximation = 0] = segment.subarray(1 + 2 * components);
  return (approximation & 15) === 0 ? components * (last - first + 1) : 0;
}

/** VP8's macroblocks, and about what AV1's deblocking and directional filters reach. */
const VIDEO_BLOCK = { width: 16, height: 16 };

/**
 * For formats that predict blocks from others (lossy WebP, AVIF): a grid that holds the ringing and what filters smear.
 * Prediction can carry traces farther, wherever the encoder let it.
 */
export function videoGrid(stored: Size, orientation: number): BlockGrid {
  return uprightGrid(stored, VIDEO_BLOCK, orientation, UPSAMPLING_REACH);
}

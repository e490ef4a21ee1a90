import { ascii, concat } from './bytes.ts';
import type { Part } from './part.ts';
import { canvasHeader, canvasSize, chunk, wholeChunk } from './webp-chunks.ts';
import { webpParts } from './webp-parts.ts';

/**
 * libwebp merges frames that look the same, so that their number and timing are lost. Therefore its encoder gets one and the
 * same duration for all frames, which tells afterwards how many frames it has merged; those are put back as frames that change
 * nothing, and all frames get their own durations.
 */

/** Duration of every frame for the encoder, in milliseconds. */
export const COUNTED_MS = 100;
/** Maximum duration of a frame in milliseconds: it is stored in 24 bits. */
export const MAX_WEBP_DELAY = 0xffffff;

const ANIMATION_FLAG = 2;
const DISPOSE_FLAG = 1;
const DO_NOT_BLEND_FLAG = 2;
const BLACK_BACKGROUND = [0, 0, 0, 0xff];

/** A frame of an animated WebP (RFC 9649, 2.7.1.3) as it was encoded: position and size, flags, and the chunks of its pixels. */
interface Frame {
  /** 24 bits each: X, Y, width and height, as stored. */
  readonly place: Uint8Array;
  readonly count: number;
  readonly flags: number;
  readonly chunks: readonly Uint8Array[];
}

/**
 * @param encoded with the duration `COUNTED_MS` for each frame; a still picture if all frames were merged
 * @param delays of all frames in milliseconds
 * @param loop how often all frames are shown; 0: endless
 */
export function restoreFrames(encoded: Uint8Array, delays: readonly number[], loop: number): Uint8Array<ArrayBuffer> {
  const parts = webpParts(encoded);
  const frames = readFrames(parts, delays.length);
  const merged = frames.reduce((sum, { count }) => sum + count, 0);
  if (merged !== delays.length) throw new Error(`the encoder wrote ${merged} of ${delays.length} frames`);

  const chunks: Uint8Array[] = [
    chunk('VP8X', canvasHeader(parts, ANIMATION_FLAG)),
    chunk('ANIM', Uint8Array.from([...BLACK_BACKGROUND, loop & 255, loop >> 8])),
  ];
  let first = 0;
  for (const frame of frames) {
    chunks.push(...writeFrame(frame, delays.slice(first, first + frame.count)));
    first += frame.count;
  }
  return chunk('RIFF', concat(ascii('WEBP'), ...chunks));
}

function readFrames(parts: readonly Part[], all: number): Frame[] {
  const starts = parts.flatMap(({ name }, index) => (name === 'ANMF' ? [index] : []));
  if (starts.length === 0) {
    const chunks = parts.filter(({ name }) => /^(ALPH|VP8|VP8L)$/.test(name)).map(wholeChunk);
    return [{ place: stillPlace(parts), count: all, flags: DO_NOT_BLEND_FLAG, chunks }];
  }
  return starts.map((start, index) => {
    const { data } = parts[start]!;
    const duration = data[12]! + data[13]! * 256 + data[14]! * 65536;
    return {
      place: data.subarray(0, 12),
      count: Math.round(duration / COUNTED_MS),
      flags: data[15]!,
      chunks: parts.slice(start + 1, starts[index + 1]).map(wholeChunk),
    };
  });
}

/** The frame, and after it those that were merged into it: transparent, so that they change nothing. */
function writeFrame({ place, flags, chunks }: Frame, delays: readonly number[]): Uint8Array[] {
  return delays.map((delay, index) => {
    const isLast = index === delays.length - 1;
    // Only after the last one the area may be cleared.
    const shown = (index === 0 ? flags & DO_NOT_BLEND_FLAG : 0) | (isLast ? flags & DISPOSE_FLAG : 0);
    const duration = Math.min(delay, MAX_WEBP_DELAY);
    const timing = Uint8Array.from([duration & 255, (duration >> 8) & 255, duration >> 16, shown]);
    return chunk('ANMF', concat(place, timing, ...(index === 0 ? chunks : [transparentPixels(place)])));
  });
}

/** A lossless image of one color, black without opacity, which has the same bytes for every size (RFC 9649, 3.8). */
function transparentPixels(place: Uint8Array): Uint8Array {
  const bits = new BitWriter();
  bits.write(0x2f, 8);
  bits.write(place[6]! + place[7]! * 256, 14);
  bits.write(place[9]! + place[10]! * 256, 14);
  bits.write(1, 1); // has transparency
  bits.write(0, 3); // version
  bits.write(0, 3); // no transform, no color cache, one set of codes
  for (let code = 0; code < 5; code++) bits.write(1, 4); // one symbol, 0, that takes no bit
  return chunk('VP8L', bits.bytes());
}

/** Writes whole numbers, the lowest bit first. */
class BitWriter {
  readonly #bits: number[] = [];

  write(value: number, count: number): void {
    for (let bit = 0; bit < count; bit++) this.#bits.push((value >> bit) & 1);
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(Math.ceil(this.#bits.length / 8));
    this.#bits.forEach((bit, at) => {
      bytes[at >> 3]! |= bit << (at & 7);
    });
    return bytes;
  }
}

/** Position and size of a frame that fills the canvas of a still picture. */
function stillPlace(parts: readonly Part[]): Uint8Array {
  return Uint8Array.from([0, 0, 0, 0, 0, 0, ...canvasSize(parts)]);
}

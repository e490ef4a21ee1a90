import { ascii } from './bytes.ts';
import type { Part } from './part.ts';

/** Chunks of WebP files that are written (RFC 9649, 2). */

const CHUNK_HEADER = 8;
const ALPHA_FLAG = 0x10;

/** @param flags further ones, such as that of an animation */
export function canvasHeader(parts: readonly Part[], flags: number): Uint8Array {
  const [own = 0] = parts.find(({ name }) => name === 'VP8X')?.data ?? [];
  const lossless = parts.find(({ name }) => name === 'VP8L');
  const alpha = lossless && (lossless.data[4]! & 0x10) !== 0 ? ALPHA_FLAG : 0;
  return Uint8Array.from([own | flags | alpha, 0, 0, 0, ...canvasSize(parts)]);
}

/** Width − 1 and height − 1 in 24 bits each. */
export function canvasSize(parts: readonly Part[]): number[] {
  const extended = parts.find(({ name }) => name === 'VP8X');
  if (extended) return [...extended.data.subarray(4, 10)];
  const { name, data } = parts.find((part) => part.name === 'VP8' || part.name === 'VP8L')!;
  const at = (index: number) => data[index]!;
  // 14 bits each: after the start code of a key frame, or after the signature.
  const [width, height] =
    name === 'VP8'
      ? [(at(6) + at(7) * 256) & 0x3fff, (at(8) + at(9) * 256) & 0x3fff]
      : [1 + ((at(1) + at(2) * 256) & 0x3fff), 1 + ((at(2) >> 6) + at(3) * 4 + (at(4) & 15) * 1024)];
  return [width - 1, height - 1].flatMap((side) => [side & 255, side >> 8, 0]);
}

export function wholeChunk({ data, size }: Part): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset - CHUNK_HEADER, size);
}

export function chunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CHUNK_HEADER + data.length + (data.length % 2));
  bytes.set(ascii(type.padEnd(4)));
  new DataView(bytes.buffer).setUint32(4, data.length, true);
  bytes.set(data, CHUNK_HEADER);
  return bytes;
}

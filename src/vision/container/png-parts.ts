import { DAMAGED, latin1, MAX_PARTS, type Part, restOf, TRAILING } from './part.ts';

const SIGNATURE_BYTES = 8;
/** Length, type and checksum of a chunk. */
const OVERHEAD = 12;

/** Chunks of a PNG (W3C, Portable Network Graphics, third edition, 5), by their type. */
export function pngParts(bytes: Uint8Array): Part[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Part[] = [];
  let at = SIGNATURE_BYTES;
  while (at + OVERHEAD <= bytes.length && parts.length < MAX_PARTS) {
    const length = view.getUint32(at);
    if (at + OVERHEAD + length > bytes.length) break;
    const name = latin1(bytes, at + 4, at + 8);
    parts.push({ name, size: OVERHEAD + length, data: bytes.subarray(at + 8, at + 8 + length) });
    at += OVERHEAD + length;
    if (name === 'IEND') return [...parts, ...restOf(bytes, at, TRAILING)];
  }
  return [...parts, ...restOf(bytes, at, DAMAGED)];
}

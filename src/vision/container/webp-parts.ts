import { DAMAGED, latin1, MAX_PARTS, type Part, restOf, TRAILING } from './part.ts';

const RIFF_HEADER = 12;
const CHUNK_HEADER = 8;
/** Position, size, duration and flags of a frame, before its chunks */
const FRAME_HEADER = 16;

/** Chunks of a WebP (RFC 9649), including those of the frames of an animation, as `ANMF VP8L`. */
export function webpParts(bytes: Uint8Array): Part[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < RIFF_HEADER) return restOf(bytes, 0, DAMAGED);
  const end = Math.min(bytes.length, CHUNK_HEADER + view.getUint32(4, true));
  const parts = chunks(bytes, RIFF_HEADER, Math.max(end, RIFF_HEADER), '');
  return [...parts, ...restOf(bytes, Math.max(end, RIFF_HEADER), TRAILING)];
}

function chunks(bytes: Uint8Array, start: number, end: number, within: string): Part[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Part[] = [];
  let at = start;
  while (at + CHUNK_HEADER <= end && parts.length < MAX_PARTS) {
    const length = view.getUint32(at + 4, true);
    const next = at + CHUNK_HEADER + length;
    if (next > end) break;
    // Chunks of odd length are followed by one byte of padding.
    const padded = Math.min(end, next + (length % 2));
    const type = latin1(bytes, at, at + 4).trimEnd();
    const data = bytes.subarray(at + CHUNK_HEADER, next);
    if (type === 'ANMF' && within === '' && length >= FRAME_HEADER) {
      parts.push({ name: type, size: CHUNK_HEADER + FRAME_HEADER, data: data.subarray(0, FRAME_HEADER) });
      parts.push(...chunks(bytes, at + CHUNK_HEADER + FRAME_HEADER, padded, 'ANMF '));
    } else {
      parts.push({ name: `${within}${type}`, size: padded - at, data });
    }
    at = padded;
  }
  return at < end ? [...parts, { name: DAMAGED, size: end - at, data: bytes.subarray(at, end) }] : parts;
}

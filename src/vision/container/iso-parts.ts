import { DAMAGED, latin1, MAX_PARTS, type Part, restOf } from './part.ts';

/** Boxes with boxes inside, and the number of bytes before the first (ISO/IEC 14496-12, 23008-12). */
const CONTAINERS: Readonly<Record<string, number>> = { meta: 4, iprp: 0, ipco: 0, iinf: 6 };

/** Maximum nesting: meta, iprp, ipco, and the boxes in them. */
const MAX_DEPTH = 4;

/**
 * Boxes of an ISO base media file (AVIF): those at the top, `meta` opened up, and of each item its type, as `item Exif`.
 */
export function isoParts(bytes: Uint8Array): Part[] {
  return boxes(bytes, '', 0);
}

function boxes(bytes: Uint8Array, path: string, depth: number): Part[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Part[] = [];
  let at = 0;
  while (at + 8 <= bytes.length && parts.length < MAX_PARTS) {
    const type = latin1(bytes, at + 4, at + 8);
    const short = view.getUint32(at);
    const header = short === 1 ? 16 : 8;
    if (at + header > bytes.length) break;
    // 0: to the end of the file; 1: a length of eight bytes follows, of which files that are taken use the lower half.
    const size = short === 0 ? bytes.length - at : short === 1 ? view.getUint32(at + 12) : short;
    if (size < header || at + size > bytes.length || (short === 1 && view.getUint32(at + 8) !== 0)) break;
    const data = bytes.subarray(at + header, at + size);
    const skipped = CONTAINERS[type];
    if (type === 'infe') {
      parts.push({ name: `item ${latin1(data, 8, 12)}`, size, data });
    } else if (skipped !== undefined && data.length >= skipped && depth < MAX_DEPTH) {
      parts.push({ name: `${path}${type}`, size: header + skipped, data: data.subarray(0, skipped) });
      parts.push(...boxes(data.subarray(skipped), `${type}/`, depth + 1));
    } else {
      parts.push({ name: `${path}${type}`, size, data });
    }
    at += size;
  }
  return [...parts, ...restOf(bytes, at, DAMAGED)];
}

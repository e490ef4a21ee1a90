import { DAMAGED, latin1, MAX_PARTS, type Part, restOf, TRAILING } from './part.ts';

const HEADER_BYTES = 13;

/** Blocks of a GIF (89a specification, appendix A): `image`, `control`, `comment`, `text`, `application NETSCAPE2.0` … */
export function gifParts(bytes: Uint8Array): Part[] {
  const parts: Part[] = [];
  let at = HEADER_BYTES + colorTableBytes(bytes[10] ?? 0);
  parts.push({ name: 'header', size: Math.min(at, bytes.length), data: bytes.subarray(0, at) });
  while (at < bytes.length && parts.length < MAX_PARTS) {
    const start = at;
    const introducer = bytes[at]!;
    if (introducer === 0x3b) {
      parts.push({ name: 'trailer', size: 1, data: bytes.subarray(at, at) });
      return [...parts, ...restOf(bytes, at + 1, TRAILING)];
    }
    let name: string;
    if (introducer === 0x21) {
      name = extensionName(bytes, at);
      at += 2;
    } else if (introducer === 0x2c) {
      name = 'image';
      at += 11 + colorTableBytes(bytes[at + 9] ?? 0);
    } else {
      break;
    }
    const end = endOfBlocks(bytes, at);
    if (end === null) return [...parts, ...restOf(bytes, start, DAMAGED)];
    parts.push({ name, size: end - start, data: bytes.subarray(at, end) });
    at = end;
  }
  return [...parts, ...restOf(bytes, at, DAMAGED)];
}

function colorTableBytes(flags: number): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

function extensionName(bytes: Uint8Array, at: number): string {
  switch (bytes[at + 1]) {
    case 0xf9:
      return 'control';
    case 0xfe:
      return 'comment';
    case 0x01:
      return 'text';
    case 0xff:
      return `application ${latin1(bytes, at + 3, at + 14)}`;
    default:
      return 'extension';
  }
}

/** Position after the block of length 0 that ends a chain of blocks; null if there is none. */
function endOfBlocks(bytes: Uint8Array, start: number): number | null {
  for (let at = start; at < bytes.length; at += 1 + bytes[at]!) {
    if (bytes[at] === 0) return at + 1;
  }
  return null;
}

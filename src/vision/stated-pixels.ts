import { sniffImageType } from './image-type.ts';
import { isFrameHeader, jpegSegments, SOS } from './container/jpeg-segments.ts';

/** PNG: the header chunk is the first, after the signature, its length and its name. */
const PNG_WIDTH_AT = 16;

/**
 * Pixels of a JPEG or PNG according to its header; nothing is decoded or verified.
 * @returns Infinity for other formats, and if there is no header
 */
export function statedPixels(bytes: Uint8Array): number {
  const type = sniffImageType(bytes);
  if (type === 'jpeg') return jpegPixels(bytes);
  if (type === 'png' && bytes.length >= PNG_WIDTH_AT + 8) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return view.getUint32(PNG_WIDTH_AT) * view.getUint32(PNG_WIDTH_AT + 4);
  }
  return Infinity;
}

function jpegPixels(bytes: Uint8Array): number {
  for (const { marker, data } of jpegSegments(bytes)) {
    if (marker === SOS) break;
    if (!isFrameHeader(marker) || data.length < 5) continue;
    const height = data[1]! * 256 + data[2]!;
    const width = data[3]! * 256 + data[4]!;
    // A height of 0 comes later, in a DNL segment.
    return height === 0 ? Infinity : width * height;
  }
  return Infinity;
}

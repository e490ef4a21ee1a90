import { ascii, bigEndian, concat } from '../container/bytes.ts';
import { latin1 } from '../container/part.ts';
import { webpParts } from '../container/webp-parts.ts';
import { canvasHeader, chunk } from '../container/webp-chunks.ts';

/** Formats that are rows of chunks: a new one is put between them. */

type Block = Uint8Array | null;

/** After the header of JFIF, which comes first. */
export function embedInJpeg(file: Uint8Array, exif: Block, xmp: Block): Uint8Array<ArrayBuffer> {
  const at = file[3] === 0xe0 ? 4 + file[4]! * 256 + file[5]! : 2;
  return concat(
    file.subarray(0, at),
    ...(exif ? [jpegSegment(ascii('Exif\0\0'), exif)] : []),
    ...(xmp ? [jpegSegment(ascii('http://ns.adobe.com/xap/1.0/\0'), xmp)] : []),
    file.subarray(at),
  );
}

function jpegSegment(signature: Uint8Array, block: Uint8Array): Uint8Array {
  const length = 2 + signature.length + block.length;
  if (length > 65_535) throw new Error(`metadata of ${length} bytes do not fit into a segment`);
  return concat(Uint8Array.of(0xff, 0xe1), bigEndian(length, 2), signature, block);
}

const PNG_SIGNATURE_BYTES = 8;
/** Length, type, 13 bytes and checksum. */
const PNG_HEADER_BYTES = 25;

export function embedInPng(file: Uint8Array, exif: Block, xmp: Block): Uint8Array<ArrayBuffer> {
  const at = PNG_SIGNATURE_BYTES + PNG_HEADER_BYTES;
  if (latin1(file, at - PNG_HEADER_BYTES + 4, at - PNG_HEADER_BYTES + 8) !== 'IHDR') throw new Error('no IHDR');
  return concat(
    file.subarray(0, at),
    ...(exif ? [pngChunk('eXIf', exif)] : []),
    ...(xmp ? [pngChunk('iTXt', concat(ascii('XML:com.adobe.xmp\0\0\0\0\0'), xmp))] : []),
    file.subarray(at),
  );
}

function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const body = concat(ascii(type), data);
  return concat(bigEndian(data.length, 4), body, bigEndian(crc32(body), 4));
}

/** The checksum of PNG (W3C, annex D). */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const WEBP_EXIF_FLAG = 8;
const WEBP_XMP_FLAG = 4;

/** At the end, and announced in the header, which a simple file does not have yet. */
export function embedInWebp(file: Uint8Array, exif: Block, xmp: Block): Uint8Array<ArrayBuffer> {
  const parts = webpParts(file);
  const flags = (exif ? WEBP_EXIF_FLAG : 0) | (xmp ? WEBP_XMP_FLAG : 0);
  // Chunks inside of a frame are in the file where their frame is.
  const start = parts[0]?.name === 'VP8X' ? 12 + parts[0].size : 12;
  return chunk(
    'RIFF',
    concat(
      ascii('WEBP'),
      chunk('VP8X', canvasHeader(parts, flags)),
      file.subarray(start),
      ...(exif ? [chunk('EXIF', exif)] : []),
      ...(xmp ? [chunk('XMP ', xmp)] : []),
    ),
  );
}

export const SOS = 0xda;
export const EOI = 0xd9;
const FILL = 0xff;

/** A marker of a JPEG file (ITU-T T.81, B.1) with its segment. */
export interface JpegSegment {
  readonly marker: number;
  /** Where the marker starts in the file. */
  readonly start: number;
  /** Where the segment ends; the coded data of a scan follows. */
  readonly end: number;
  /** The segment without its marker and length. */
  readonly data: Uint8Array;
}

/**
 * Segments and fill bytes of the first image in a JPEG file, up to its end marker or to a segment that is cut off. Like a
 * decoder, it skips what belongs to no segment: coded data, and whatever a damaged or hostile file holds between segments.
 */
export function* jpegSegments(bytes: Uint8Array): Generator<JpegSegment> {
  let at = 2;
  for (;;) {
    const start = indexOfMarker(bytes, at, hasNoSegment);
    const marker = bytes[start + 1];
    if (marker === undefined) return;
    if (marker === FILL || marker === EOI) {
      at = start + (marker === FILL ? 1 : 2);
      yield { marker, start, end: at, data: bytes.subarray(at, at) };
      if (marker === EOI) return;
      continue;
    }
    if (start + 4 > bytes.length) return;
    const length = bytes[start + 2]! * 256 + bytes[start + 3]!;
    if (start + 2 + length > bytes.length) return;
    // A segment cannot be shorter than its length field: such a marker is skipped like any other garbage.
    at = start + 2 + length;
    if (length >= 2) yield { marker, start, end: at, data: bytes.subarray(start + 4, at) };
  }
}

/** SOF0 to SOF15, without DHT, JPG and DAC, which lie between them. */
export function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

/** End of a scan's coded data, which starts at `start`. */
export function endOfScan(bytes: Uint8Array, start: number): number {
  return indexOfMarker(bytes, start, isCodedData);
}

/** Index of the first 0xff whose next byte is not ignored; the length of `bytes` if there is none. */
function indexOfMarker(bytes: Uint8Array, start: number, isIgnored: (marker: number) => boolean): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const marker = bytes[at + 1];
    if (marker !== undefined && !isIgnored(marker)) return at;
  }
  return bytes.length;
}

/** In coded data, 0xff is followed by 0 or by a restart marker. */
function isCodedData(marker: number): boolean {
  return marker === 0 || (marker >= 0xd0 && marker <= 0xd7);
}

/** Besides those of coded data: TEM and SOI. */
function hasNoSegment(marker: number): boolean {
  return isCodedData(marker) || marker === 0x01 || marker === 0xd8;
}

import { endOfScan, EOI, jpegSegments, SOS } from './jpeg-segments.ts';

/** Kinds of JPEG by the marker of their frame header (ITU-T T.81, table B.1; JPEG-LS: T.87) that are not decoded. */
const UNSUPPORTED: Readonly<Record<number, string>> = {
  0xc3: 'it is coded without loss (SOF3)',
  0xc5: 'it is hierarchical (SOF5)',
  0xc6: 'it is hierarchical (SOF6)',
  0xc7: 'it is hierarchical (SOF7)',
  0xcb: 'it is coded without loss (SOF11)',
  0xcd: 'it is hierarchical (SOF13)',
  0xce: 'it is hierarchical (SOF14)',
  0xcf: 'it is hierarchical (SOF15)',
  0xf7: 'it is a JPEG-LS',
};
const FRAME_HEADERS = [0xc0, 0xc1, 0xc2, 0xc9, 0xca];

/** Why a JPEG cannot be decoded, as in "it has …"; null: nothing is known that speaks against it. */
export function unsupportedJpeg(bytes: Uint8Array): string | null {
  for (const { marker, data } of jpegSegments(bytes)) {
    const reason = UNSUPPORTED[marker];
    if (reason !== undefined) return reason;
    if (!FRAME_HEADERS.includes(marker)) continue;
    const [bits = 8, high = 0, low = 0] = data;
    if (bits !== 8) return `it has ${bits} bits per sample`;
    return high === 0 && low === 0 ? 'it states its height only after the picture (DNL)' : null;
  }
  return null;
}

/** A JPEG whose last scan ends with the file, with the end marker that is missing there; null: any other file. */
export function withEndMarker(bytes: Uint8Array): Uint8Array | null {
  if (!endsInScan(bytes)) return null;
  const complete = new Uint8Array(bytes.length + 2);
  complete.set(bytes);
  complete.set([0xff, EOI], bytes.length);
  return complete;
}

function endsInScan(bytes: Uint8Array): boolean {
  if (bytes.at(-2) === 0xff && bytes.at(-1) === EOI) return false;
  let scanEnd = 0;
  for (const { marker, end } of jpegSegments(bytes)) {
    if (marker === EOI) return false;
    if (marker === SOS) scanEnd = endOfScan(bytes, end);
  }
  return scanEnd === bytes.length;
}

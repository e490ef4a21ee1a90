import { DAMAGED, latin1, MAX_PARTS, type Part, restOf, TRAILING } from './part.ts';

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const COM = 0xfe;

/** Application segments by what they start with. */
const SIGNATURES: readonly (readonly [marker: number, signature: string, name: string])[] = [
  [0xe0, 'JFIF\0', 'APP0 JFIF'],
  [0xe0, 'JFXX\0', 'APP0 JFXX'],
  [0xe1, 'Exif\0', 'APP1 Exif'],
  [0xe1, 'http://ns.adobe.com/xap/1.0/\0', 'APP1 XMP'],
  [0xe1, 'http://ns.adobe.com/xmp/extension/\0', 'APP1 XMP extension'],
  [0xe2, 'ICC_PROFILE\0', 'APP2 ICC_PROFILE'],
  [0xe2, 'MPF\0', 'APP2 MPF'],
  [0xe2, 'urn:iso:std:iso:ts:21496:-1\0', 'APP2 gain map'],
  [0xed, 'Photoshop 3.0\0', 'APP13 IPTC'],
  [0xee, 'Adobe', 'APP14 Adobe'],
];

/** Segments of a JPEG (ITU-T T.81, B.1); a scan is one part with its coded data. Names: `SOF0`, `DQT`, `APP1 Exif` … */
export function jpegParts(bytes: Uint8Array): Part[] {
  const parts: Part[] = [{ name: 'SOI', size: 2, data: bytes.subarray(2, 2) }];
  let at = 2;
  while (at + 2 <= bytes.length && bytes[at] === 0xff && parts.length < MAX_PARTS) {
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      parts.push({ name: 'fill', size: 1, data: bytes.subarray(at, at) });
      at += 1;
      continue;
    }
    if (marker === EOI) {
      parts.push({ name: 'EOI', size: 2, data: bytes.subarray(at + 2, at + 2) });
      return [...parts, ...restOf(bytes, at + 2, TRAILING)];
    }
    const length = at + 4 <= bytes.length ? bytes[at + 2]! * 256 + bytes[at + 3]! : 0;
    if (length < 2 || at + 2 + length > bytes.length || marker === SOI) break;
    const data = bytes.subarray(at + 4, at + 2 + length);
    const end = marker === SOS ? endOfScan(bytes, at + 2 + length) : at + 2 + length;
    parts.push({ name: segmentName(marker, data), size: end - at, data });
    at = end;
  }
  return [...parts, ...restOf(bytes, at, DAMAGED)];
}

/** In coded data 0xff is followed by 0 or by a restart marker. */
function endOfScan(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1] ?? 0;
    if (next !== 0 && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return bytes.length;
}

function segmentName(marker: number, data: Uint8Array): string {
  if (marker === COM) return 'COM';
  if (marker === SOS) return 'scan';
  if (marker >= 0xe0 && marker <= 0xef) {
    const known = SIGNATURES.find(
      ([of, signature]) => of === marker && latin1(data, 0, signature.length) === signature,
    );
    return known?.[2] ?? `APP${marker - 0xe0}`;
  }
  if (marker === 0xc4) return 'DHT';
  if (marker === 0xdb) return 'DQT';
  if (marker === 0xdd) return 'DRI';
  if (marker >= 0xc0 && marker <= 0xcf) return `SOF${marker - 0xc0}`;
  return `marker ${marker.toString(16)}`;
}

import { endOfScan, EOI, jpegSegments, SOS } from './jpeg-segments.ts';
import { DAMAGED, latin1, MAX_PARTS, type Part, restOf, TRAILING } from './part.ts';

/** Application segments by their signature */
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
  let end = 2;
  for (const segment of jpegSegments(bytes)) {
    // What lies between segments follows no format, and neither does all that comes after it.
    if (segment.start !== end || parts.length >= MAX_PARTS) break;
    end = segment.marker === SOS ? endOfScan(bytes, segment.end) : segment.end;
    parts.push({ name: segmentName(segment.marker, segment.data), size: end - segment.start, data: segment.data });
    if (segment.marker === EOI) return [...parts, ...restOf(bytes, end, TRAILING)];
  }
  return [...parts, ...restOf(bytes, end, DAMAGED)];
}

function segmentName(marker: number, data: Uint8Array): string {
  if (marker === 0xff) return 'fill';
  if (marker === 0xfe) return 'COM';
  if (marker === EOI) return 'EOI';
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

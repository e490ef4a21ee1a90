import { type Curve, SRGB_CURVE } from './color/transfer.ts';

/** Color spaces of photos. Pixels in other spaces are converted. */
export type ColorSpace = 'srgb' | 'display-p3' | 'other';

/**
 * The color space of an ICC profile (ICC.1, 7 to 10), by its primaries and its curve, not by its name. Only RGB profiles
 * with three primaries and one curve are recognized; all others, and damaged ones, are `other`.
 */
export function colorSpaceOf(profile: Uint8Array): ColorSpace {
  const tags = readTags(profile);
  if (tags === null || tags.has('A2B0')) return 'other';
  const primaries = ['rXYZ', 'gXYZ', 'bXYZ'].map((name) => readXyz(tags.get(name)));
  const curves = ['rTRC', 'gTRC', 'bTRC'].map((name) => readCurve(tags.get(name)));
  if (!curves.every((curve) => curve !== null && isSrgbCurve(curve))) return 'other';
  const isNear = (expected: readonly (readonly number[])[]) =>
    primaries.every((xyz, at) => xyz?.every((value, axis) => Math.abs(value - expected[at]![axis]!) < 0.003));
  if (isNear(SRGB_PRIMARIES)) return 'srgb';
  return isNear(DISPLAY_P3_PRIMARIES) ? 'display-p3' : 'other';
}

/** XYZ of red, green and blue, adapted to D50 (IEC 61966-2-1; SMPTE EG 432-1 with the white of sRGB). */
const SRGB_PRIMARIES = [
  [0.4361, 0.2225, 0.0139],
  [0.3851, 0.7169, 0.0971],
  [0.1431, 0.0606, 0.7141],
];
const DISPLAY_P3_PRIMARIES = [
  [0.5151, 0.2412, -0.0011],
  [0.292, 0.6922, 0.0419],
  [0.1571, 0.0666, 0.7841],
];

const HEADER_BYTES = 128;

/** The RGB tags of the profile by signature; null if it is not an RGB profile. */
function readTags(profile: Uint8Array): Map<string, DataView> | null {
  if (profile.length < HEADER_BYTES + 4) return null;
  const view = new DataView(profile.buffer, profile.byteOffset, profile.length);
  const text = (at: number) => String.fromCharCode(...profile.subarray(at, at + 4));
  if (text(16) !== 'RGB ' || text(20) !== 'XYZ ') return null;
  const tags = new Map<string, DataView>();
  const count = Math.min(view.getUint32(HEADER_BYTES), 100);
  for (let at = HEADER_BYTES + 4, end = at + 12 * count; at < end && at + 12 <= profile.length; at += 12) {
    const [start, size] = [view.getUint32(at + 4), view.getUint32(at + 8)];
    if (start + size > profile.length) return null;
    tags.set(text(at), new DataView(profile.buffer, profile.byteOffset + start, size));
  }
  return tags;
}

const fixed = (view: DataView, at: number) => view.getInt32(at) / 65536;

function readXyz(tag: DataView | undefined): number[] | null {
  return tag && tag.byteLength >= 20 ? [fixed(tag, 8), fixed(tag, 12), fixed(tag, 16)] : null;
}

function readCurve(tag: DataView | undefined): Curve | null {
  if (!tag || tag.byteLength < 12) return null;
  const kind = tag.getUint32(0);
  if (kind === 0x63757276) return readTable(tag); // 'curv'
  if (kind !== 0x70617261 || tag.getUint16(8) !== 3 || tag.byteLength < 32) return null; // 'para', as sRGB's
  const [gamma, a, b, c, d] = [12, 16, 20, 24, 28].map((at) => fixed(tag, at)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return (value) => (value >= d ? (a * value + b) ** gamma : c * value);
}

function readTable(tag: DataView): Curve | null {
  const count = tag.getUint32(8);
  if (count < 16 || tag.byteLength < 12 + 2 * count) return null;
  return (value) => tag.getUint16(12 + 2 * Math.round(value * (count - 1))) / 65535;
}

/** So close that 8-bit pixels look the same. A plain power of 2.2 is not close enough. */
function isSrgbCurve(curve: Curve): boolean {
  return [0.02, 0.1, 0.25, 0.5, 0.75, 1].every((value) => Math.abs(curve(value) - SRGB_CURVE(value)) < 0.003);
}

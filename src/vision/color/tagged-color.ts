import { primaryItem } from '../container/heif-items.ts';
import type { Part } from '../container/part.ts';
import type { ColorCoding } from './convert-color.ts';
import { type Primaries, primariesOf, SRGB_PRIMARIES } from './primaries.ts';
import { power, transferOf } from './transfer.ts';

/**
 * The color of a file that is not told by an ICC profile.
 * profile: nothing else tells it, an ICC profile may.
 */
export type TaggedColor = 'profile' | 'srgb' | ColorCoding;

const SRGB_CODE = 13;

/** The chunks of a PNG in the order of their precedence (W3C, Portable Network Graphics, third edition, 4.3). */
export function pngColor(parts: readonly Part[]): TaggedColor {
  const before = parts.slice(
    0,
    parts.findIndex(({ name }) => name === 'IDAT'),
  );
  const chunk = (type: string) => before.find(({ name }) => name === type)?.data;
  const cicp = chunk('cICP');
  // RGB at full range: nothing else is defined for PNG.
  if (cicp?.length === 4 && cicp[2] === 0 && cicp[3] === 1) return codedColor(cicp[0]!, cicp[1]!, false);
  if (chunk('iCCP') || chunk('sRGB')) return 'profile';
  return gammaColor(chunk('gAMA'), chunk('cHRM'));
}

/** sRGB's, by which browsers mean sRGB itself where no primaries are given. */
const SRGB_GAMMA = 45_455;

/** Browsers heed primaries only together with a gamma. */
function gammaColor(gama: Uint8Array | undefined, chrm: Uint8Array | undefined): TaggedColor {
  const gamma = numbers(gama, 1)?.[0];
  if (!gamma) return 'profile';
  const primaries = numbers(chrm, 8)?.map((value) => value / 100_000) as Primaries | undefined;
  if (!primaries && gamma === SRGB_GAMMA) return 'profile';
  return { primaries: primaries ?? SRGB_PRIMARIES, transfer: power(100_000 / gamma) };
}

function numbers(data: Uint8Array | undefined, count: number): number[] | undefined {
  if (data?.length !== 4 * count) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return Array.from({ length: count }, (_, index) => view.getUint32(4 * index));
}

/** The `nclx` color of the primary item of a HEIF or AVIF file (ISO/IEC 23008-12, 6.5.5). */
export function heifColor(bytes: Uint8Array): TaggedColor {
  const colors = primaryItem(bytes)?.properties.filter(({ type }) => type === 'colr') ?? [];
  const types = colors.map(({ data }) => String.fromCharCode(...data.subarray(0, 4)));
  const nclx = colors[types.indexOf('nclx')]?.data;
  if (!nclx || nclx.length < 8 || types.some((type) => type === 'prof' || type === 'rICC')) return 'profile';
  return codedColor(nclx[4]! * 256 + nclx[5]!, nclx[6]! * 256 + nclx[7]!, true);
}

/** @param primaries, transfer codes of ITU-T H.273 */
function codedColor(primaries: number, transfer: number, isVideoLikeSrgb: boolean): TaggedColor {
  const curve = transferOf(transfer, isVideoLikeSrgb);
  const space = primariesOf(primaries);
  return space === SRGB_PRIMARIES && curve === transferOf(SRGB_CODE, isVideoLikeSrgb)
    ? 'srgb'
    : { primaries: space, transfer: curve };
}

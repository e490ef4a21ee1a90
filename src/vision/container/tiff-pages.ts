import type { Size } from '../geometry.ts';
import { readTiff, TAG, type TiffEntry } from './tiff-parts.ts';

/** A page of a TIFF, as described by its directory */
export interface TiffPage {
  readonly size: Size;
  readonly compression: number;
  /** Positions of the coded pixels in the file, per strip or tile. */
  readonly pieces: readonly (readonly [start: number, length: number])[];
  /** A smaller copy or a mask of another page, not a separate picture. */
  readonly isAuxiliary: boolean;
  /** One channel more than colors, which is not marked as transparency: viewers ignore it. */
  readonly hasUnusedChannel: boolean;
  /** Why it cannot be decoded as viewers show it, as in "it holds …"; null: it can. */
  readonly unsupported: string | null;
}

/** The pages of a TIFF in order; null if the file is malformed. */
export function tiffPages(bytes: Uint8Array): TiffPage[] | null {
  const entries = readTiff(bytes)?.entries;
  if (!entries || entries.length === 0) return null;
  const directories: TiffEntry[][] = [];
  for (const entry of entries) (directories[entry.directory] ??= []).push(entry);
  return directories.map(readPage);
}

/** If a tag occurs twice, the first one counts, as in libtiff. */
function readPage(entries: readonly TiffEntry[]): TiffPage {
  const values = (tag: number) => entries.find((entry) => entry.tag === tag)?.numbers ?? [];
  const value = (tag: number, otherwise = 0) => values(tag)[0] ?? otherwise;
  const offsets = [...values(TAG.stripOffsets), ...values(TAG.tileOffsets)];
  const lengths = [...values(TAG.stripBytes), ...values(TAG.tileBytes)];
  const kind: SampleKind = {
    photometric: value(TAG.photometric, NO_PHOTOMETRIC),
    compression: value(TAG.compression, 1),
    samples: value(TAG.samplesPerPixel, 1),
    bits: values(TAG.bitsPerSample),
    formats: values(TAG.sampleFormat),
    extra: values(TAG.extraSamples),
    inkSet: value(TAG.inkSet, 1),
  };
  const isRaw = entries.some(({ tag }) => tag === DNG_VERSION) || RAW_PHOTOMETRICS.includes(kind.photometric);
  return {
    size: { width: value(TAG.width), height: value(TAG.height) },
    compression: kind.compression,
    pieces: offsets.map((start, index) => [start, lengths[index] ?? 0]),
    isAuxiliary:
      (value(TAG.newSubfileType) & (REDUCED_COPY | TRANSPARENCY_MASK)) !== 0 ||
      value(TAG.subfileType) === OLD_REDUCED_COPY,
    hasUnusedChannel: kind.samples > 1 && kind.samples === (colorsOf(kind) ?? 0) + 1 && isUnspecified(kind.extra),
    unsupported: isRaw ? 'it is a camera raw file' : unsupportedSamples(kind),
  };
}

/** Bits of NewSubfileType, and the value of the older SubfileType that says the same. */
const REDUCED_COPY = 1;
const TRANSPARENCY_MASK = 4;
const OLD_REDUCED_COPY = 2;

const DNG_VERSION = 50_706;
/** Color filter array and linear raw (DNG 1.7, chapter 4). */
const RAW_PHOTOMETRICS: readonly number[] = [32_803, 34_892];

interface SampleKind {
  readonly photometric: number;
  readonly compression: number;
  readonly samples: number;
  readonly bits: readonly number[];
  readonly formats: readonly number[];
  readonly extra: readonly number[];
  readonly inkSet: number;
}

const NO_PHOTOMETRIC = -1;

/** Lossy compressions by their numbers */
export const COMPRESSION = { jpeg: 7, webp: 50_001 } as const;
/** None, CCITT's three, LZW, deflate by both its numbers, PackBits, Zstandard. */
const LOSSLESS_COMPRESSIONS: readonly number[] = [1, 2, 3, 4, 5, 8, 32_946, 32_773, 50_000];
const COMPRESSIONS = [...LOSSLESS_COMPRESSIONS, ...Object.values(COMPRESSION)];

/** Supported values of PhotometricInterpretation: number of color channels, and bits per channel. */
const SHOWN: Readonly<Record<number, { readonly colors: number; readonly bits: readonly number[] }>> = {
  0: { colors: 1, bits: [1, 2, 4, 8, 16] }, // gray, white is 0
  1: { colors: 1, bits: [1, 2, 4, 8, 16] }, // gray, black is 0
  2: { colors: 3, bits: [8, 16] }, // RGB
  3: { colors: 1, bits: [1, 2, 4, 8] }, // palette
  5: { colors: 4, bits: [8, 16] }, // CMYK
  6: { colors: 3, bits: [8] }, // YCbCr
};

const OTHER_PHOTOMETRICS: Readonly<Record<number, string>> = {
  4: 'a transparency mask',
  8: 'CIELAB colors',
  9: 'ICCLAB colors',
  10: 'ITULAB colors',
  32_844: 'CIE Log2 brightness',
  32_845: 'CIE Log2 colors',
};

const UNSIGNED = 1;
/** An unknown sample format, which all readers treat as whole numbers. */
const UNDEFINED = 4;
const FORMATS: Readonly<Record<number, string>> = {
  2: 'signed whole numbers',
  3: 'floating-point numbers',
  5: 'complex whole numbers',
  6: 'complex floating-point numbers',
};

function colorsOf({ photometric }: SampleKind): number | undefined {
  return SHOWN[photometric]?.colors;
}

/** ExtraSamples 0: a channel that is not transparency, such as a selection. */
function isUnspecified(extra: readonly number[]): boolean {
  return extra.length === 0 || extra[0] === 0;
}

function unsupportedSamples(kind: SampleKind): string | null {
  const { photometric, compression, samples, bits, formats, inkSet } = kind;
  const shown = SHOWN[photometric];
  if (!shown) return `it holds ${OTHER_PHOTOMETRICS[photometric] ?? `colors of an unknown kind (${photometric})`}`;
  const format = formats.find((one) => one !== UNSIGNED && one !== UNDEFINED);
  if (format !== undefined) return `its samples are ${FORMATS[format] ?? `of an unknown format (${format})`}`;
  if (samples < shown.colors || samples > shown.colors + 1) return `it has ${samples} channels`;
  const depth = bits[0] ?? 1;
  if (!shown.bits.includes(depth) || bits.some((one) => one !== depth))
    return `its samples have ${bits.join(', ')} bits`;
  if (inkSet !== 1 && photometric === 5) return 'its inks are not CMYK';
  if (!COMPRESSIONS.includes(compression)) return `its compression (${compression}) is unknown`;
  if (photometric === 6 && compression !== COMPRESSION.jpeg) return 'it holds YCbCr colors that are not coded as JPEG';
  return null;
}

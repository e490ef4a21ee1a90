/** From a stored value, 0 to 1, to light. 1 is the white of the picture; HDR goes beyond. */
export type Curve = (value: number) => number;

/** How stored values stand for light. `isHdr`: also brighter than white, which must be tone-mapped. */
export interface Transfer {
  readonly curve: Curve;
  /** HLG: displays brighten by the luminance of the pixel. */
  readonly hasOotf: boolean;
  readonly isHdr: boolean;
}

/** IEC 61966-2-1: linear near black, then a power of 2.4. */
export const SRGB_CURVE: Curve = (value) => (value > 0.04045 ? ((value + 0.055) / 1.055) ** 2.4 : value / 12.92);

export function power(exponent: number): Transfer {
  return { curve: (value) => value ** exponent, hasOotf: false, isHdr: false };
}

export const SRGB: Transfer = { curve: SRGB_CURVE, hasOotf: false, isHdr: false };

/** White of an HDR picture in candela per square meter (ITU-R BT.2408). */
const WHITE_NITS = 203;
/** Of a display for HLG (ITU-R BT.2100). */
const HLG_PEAK_NITS = 1000;

/** SMPTE ST 2084. */
const PQ: Transfer = {
  curve: (value) => {
    const root = value ** (1 / 78.84375);
    return (
      (10_000 / WHITE_NITS) * (Math.max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
    );
  },
  hasOotf: false,
  isHdr: true,
};

/** ITU-R BT.2100. The factor is part of what a display does, see `hlgOotf`. */
const HLG: Transfer = {
  curve: (value) => (value <= 0.5 ? value ** 2 / 3 : (Math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12),
  hasOotf: true,
  isHdr: true,
};

const SMPTE_240M: Transfer = {
  curve: (value) => (value < 0.0913 ? value / 4 : ((value + 0.1115) / 1.1115) ** (1 / 0.45)),
  hasOotf: false,
  isHdr: false,
};

/** By how much a display for HLG brightens a pixel of this luminance (ITU-R BT.2100). */
export function hlgOotf(luminance: number): number {
  return (HLG_PEAK_NITS / WHITE_NITS) * luminance ** 0.2;
}

/** The codes of ITU-T H.273, table 3. Those that are not listed are shown as sRGB, as browsers do. */
export function transferOf(code: number, isVideoLikeSrgb: boolean): Transfer {
  switch (code) {
    // BT.709 and its like. For these, browsers show AVIF as sRGB, and PNG as on a reference display (BT.1886).
    case 1:
    case 6:
    case 11:
    case 14:
    case 15:
      return isVideoLikeSrgb ? SRGB : power(2.4);
    case 4:
      return power(2.2);
    case 5:
      return power(2.8);
    case 7:
      return SMPTE_240M;
    case 8:
      return power(1);
    case 16:
      return PQ;
    case 17:
      return { ...power(2.6), curve: (value) => (52.37 / 48) * value ** 2.6 };
    case 18:
      return HLG;
    default:
      return SRGB;
  }
}

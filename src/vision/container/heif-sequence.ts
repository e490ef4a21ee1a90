import { isoParts } from './iso-parts.ts';
import { latin1 } from './part.ts';

/** Brands of sequences (AVIF 1.2, 6; ISO/IEC 23008-12, 10 and B), and those of a picture in their place. */
const PICTURE_BRANDS: Readonly<Record<string, string>> = { avis: 'avif', msf1: 'mif1', hevc: 'heic', hevx: 'heix' };

/** Whether a brand of the file says that it has pictures that follow each other in time. */
export function isSequence(bytes: Uint8Array): boolean {
  return brandsAt(bytes).some((at) => latin1(bytes, at, at + 4) in PICTURE_BRANDS);
}

/** The file under the brands of a picture, as which the decoder takes it; null if it has no primary picture. */
export function primaryPicture(sequence: Uint8Array): Uint8Array | null {
  if (!isoParts(sequence).some(({ name }) => name === 'meta/pitm')) return null;
  const picture = sequence.slice();
  for (const at of brandsAt(sequence)) {
    const brand = PICTURE_BRANDS[latin1(sequence, at, at + 4)];
    if (brand)
      picture.set(
        Uint8Array.from(brand, (letter) => letter.charCodeAt(0)),
        at,
      );
  }
  return picture;
}

/** Positions of the brands: the major one, and after the version those it is compatible with. */
function brandsAt(bytes: Uint8Array): number[] {
  const end = Math.min(bytes.length, new DataView(bytes.buffer, bytes.byteOffset).getUint32(0), 1024);
  const brands = [8];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(at);
  return brands;
}

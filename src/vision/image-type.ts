/** Type of a file by its first bytes */
export type ImageType =
  | 'jpeg'
  | 'png'
  | 'webp'
  | 'avif'
  | 'gif'
  | 'tiff'
  | 'heic'
  | 'jpeg2000'
  | 'jpegxl'
  | 'bmp'
  | 'svg'
  | 'pdf'
  | 'unknown';

/** Types of the container HEIF (ISO/IEC 23008-12), which differ in the coding of the pixels. */
export function isHeif(type: ImageType): boolean {
  return type === 'avif' || type === 'heic';
}

/** Enough for every signature and for an XML prologue before `<svg`. */
const HEAD_BYTES = 1024;

/** Detects the type by the signatures of the specifications, independent of file name and declared type. */
export function sniffImageType(bytes: Uint8Array): ImageType {
  const head = String.fromCharCode(...bytes.subarray(0, HEAD_BYTES));
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (head.startsWith('RIFF') && head.startsWith('WEBP', 8)) return 'webp';
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'gif';
  if (/^(II[*+]\0|MM\0[*+])/.test(head)) return 'tiff';
  if (head.startsWith('ftyp', 4)) return isoMediaType(head);
  if (head.startsWith('\0\0\0\x0cjP  ') || head.startsWith('\xff\x4f\xff\x51')) return 'jpeg2000';
  if (head.startsWith('\xff\x0a') || head.startsWith('\0\0\0\x0cJXL ')) return 'jpegxl';
  if (head.startsWith('BM')) return 'bmp';
  if (head.startsWith('%PDF-')) return 'pdf';
  if (/<svg[\s>]/i.test(head)) return 'svg';
  return 'unknown';
}

/**
 * The ISO base media brands (ISO/IEC 14496-12) of a HEIF file: the major one, and those it is compatible with.
 * A file whose major brand is the neutral `mif1` is an AVIF or a HEIC by the others.
 */
function isoMediaType(head: string): ImageType {
  const length = head.charCodeAt(2) * 256 + head.charCodeAt(3);
  const brands = [head.slice(8, 12), ...(head.slice(16, length).match(/[^]{4}/g) ?? [])];
  if (brands.some((brand) => brand === 'avif' || brand === 'avis')) return 'avif';
  return brands.some((brand) => ['heic', 'heix', 'hevc', 'hevx', 'heim', 'heis', 'mif1', 'msf1'].includes(brand))
    ? 'heic'
    : 'unknown';
}

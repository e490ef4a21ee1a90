/** A part of an image file, with its name in the specification of the format. The parts of a file cover all its bytes. */
export interface Part {
  readonly name: string;
  /** Bytes in the file, header included. */
  readonly size: number;
  /** The content of the part, without its header. */
  readonly data: Uint8Array;
}

/** Bytes after the end of the image, as defined by the format */
export const TRAILING = 'trailing bytes';
/** From here on, the file does not follow its format. */
export const DAMAGED = 'damaged';

/** A hostile file may have millions of parts: after so many, the rest counts as damaged. */
export const MAX_PARTS = 10_000;

/** Bytes as text, one character each: names and keys in files are ASCII. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}

/** The rest of the file from `at` on as one part; no part if nothing is left. */
export function restOf(bytes: Uint8Array, at: number, name: string): Part[] {
  return at < bytes.length ? [{ name, size: bytes.length - at, data: bytes.subarray(at) }] : [];
}

/** A piece of an image file, named as its format's specification names it. The pieces of a file cover all its bytes. */
export interface Part {
  readonly name: string;
  /** Bytes in the file, header included. */
  readonly size: number;
  /** What the piece holds, without its header. */
  readonly data: Uint8Array;
}

/** What comes after the end that the format itself marks. */
export const TRAILING = 'trailing bytes';
/** From here on, the file does not follow its format. */
export const DAMAGED = 'damaged';

/** Hostile files consist of millions of pieces: after so many, the rest of a file counts as damaged. */
export const MAX_PARTS = 10_000;

/** Bytes as text, one character each: names and keys in files are ASCII. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}

/** The rest of the file from `at` on as one part, or none where nothing is left. */
export function restOf(bytes: Uint8Array, at: number, name: string): Part[] {
  return at < bytes.length ? [{ name, size: bytes.length - at, data: bytes.subarray(at) }] : [];
}

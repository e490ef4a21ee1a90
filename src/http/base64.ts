import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { notBase64 } from './json-text.ts';

/** Other requests are served between two slices; a slice takes one or two milliseconds. */
const SLICE_BYTES = 768 * 1024;
/** Maximum length of one character of base64 in JSON: `\u002B`. */
const ESCAPE_LENGTH = 6;

const PREFIX = /^\s*data:[^,]{0,100};base64,/i;
const ALPHABET = /^[A-Za-z0-9+/]*$/;
const PADDING = /={1,2}$/;

/**
 * Decodes the base64 of a JSON text, slice by slice. Some programs escape `/` as `\/`, others `+` as `\u002B`; some break
 * the text into lines, others write base64url (RFC 4648, section 5).
 * @param text the text between the quotes; a prefix `data:…;base64,` is skipped
 * @throws DomainError invalid_request
 */
export async function decodeBase64(text: Buffer): Promise<Buffer> {
  const decoded = Buffer.allocUnsafeSlow(Math.ceil(text.length / 4) * 3);
  let length = 0;
  let carried = '';
  for (let start = 0; start < text.length;) {
    const end = endOfSlice(text, start + SLICE_BYTES);
    const slice = unescaped(text.toString('latin1', start, end));
    const characters = carried + inAlphabet(start === 0 ? slice.replace(PREFIX, '') : slice);
    const isLast = end === text.length;
    const digits = isLast ? characters.replace(PADDING, '') : characters;
    if (!ALPHABET.test(digits)) throw notBase64();
    const whole = isLast ? digits.length : digits.length - (digits.length % 4);
    length += decoded.write(digits.slice(0, whole), length, 'base64');
    carried = digits.slice(whole);
    start = end;
    await yieldToOthers();
  }
  // Exactly as long as its data, so that it can be transferred to a thread.
  return Buffer.from(decoded.buffer.transfer(length));
}

/** Encodes slice by slice, as ASCII bytes. */
export async function encodeBase64(bytes: Buffer): Promise<Buffer> {
  const encoded = Buffer.allocUnsafeSlow(Math.ceil(bytes.length / 3) * 4);
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
    encoded.write(bytes.toString('base64', start, start + SLICE_BYTES), (start / 3) * 4, 'latin1');
    await yieldToOthers();
  }
  return encoded;
}

/** Without line breaks, in the usual alphabet */
function inAlphabet(slice: string): string {
  if (ALPHABET.test(slice)) return slice;
  return slice.replaceAll(/\s+/g, '').replaceAll('-', '+').replaceAll('_', '/');
}

/** @returns an index that does not split an escape */
function endOfSlice(text: Buffer, wanted: number): number {
  if (wanted >= text.length) return text.length;
  const backslash = text.subarray(wanted - ESCAPE_LENGTH + 1, wanted).lastIndexOf('\\');
  return backslash < 0 ? wanted : wanted - ESCAPE_LENGTH + 1 + backslash;
}

function unescaped(slice: string): string {
  if (!slice.includes('\\')) return slice;
  try {
    // Line breaks that are not escaped come from a shell.
    return JSON.parse(`"${slice.replaceAll(/[\r\n\t]/g, '')}"`) as string;
  } catch {
    throw notBase64();
  }
}

import { DomainError } from '../errors/domain-error.ts';

/** Options are short; a list of regions is the longest of them. */
export const MAX_OPTIONS_BYTES = 262_144;
/** Options need four levels: `{"options": {"regions": [{…}]}}`. */
const MAX_DEPTH = 8;
export interface JsonLimits {
  /** Without the image */
  readonly bytes: number;
  /** Of each list */
  readonly entries: number;
}

/** More than any option accepts in a list, so that the limit of the option is the one in the error message. */
const OPTION_LIMITS: JsonLimits = { bytes: MAX_OPTIONS_BYTES, entries: 1024 };
/** Several times the number of options. */
const MAX_MEMBERS = 100;

export interface ParsedJson {
  readonly value: unknown;
  /** The text between the quotes of the image, not decoded; null if there is none. */
  readonly image: Buffer | null;
}

/**
 * Parses JSON within limits of time and memory. The text of the top-level member `image` is not parsed (`value` has ''
 * in its place). The rest is limited in bytes, in depth, and in the entries of each list and object. A name that occurs
 * twice in an object is rejected, because JSON.parse would drop the first.
 * @param what start of the paths in error messages
 * @throws SyntaxError if it is not JSON
 * @throws DomainError invalid_request, invalid_option, upload_too_large
 */
export function parseJson(bytes: Buffer, what = '', limits = OPTION_LIMITS): ParsedJson {
  const image = scan(bytes, what, limits);
  if (image === null) return { value: parse(bytes), image: null };
  const rest = Buffer.concat([bytes.subarray(0, image.start), bytes.subarray(image.end)]);
  return { value: parse(rest), image: bytes.subarray(image.start, image.end) };
}

function parse(bytes: Buffer): unknown {
  const text = bytes.toString();
  return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** An object or a list that is not closed yet */
interface Open {
  /** Names so far; null in a list. */
  readonly names: Set<string> | null;
  /** The name whose value is being read. */
  name: string;
  awaitsName: boolean;
  entries: number;
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [BEGIN_OBJECT, END_OBJECT, BEGIN_LIST, END_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Checks the limits and finds the image. It looks at strings and brackets only; JSON.parse checks the rest. */
function scan(bytes: Buffer, what: string, limits: JsonLimits): Span | null {
  const open: Open[] = [];
  let image: Span | null = null;
  let imageBytes = 0;
  let at = 0;
  while (at < bytes.length) {
    if (at - imageBytes > limits.bytes) throw tooLong(what, limits.bytes);
    const inner = open.at(-1);
    const byte = bytes[at]!;
    if (byte === BEGIN_OBJECT || byte === BEGIN_LIST) {
      const names = byte === BEGIN_OBJECT ? new Set<string>() : null;
      open.push({ names, name: '', awaitsName: names !== null, entries: 1 });
      if (open.length > MAX_DEPTH)
        throw refusal(`${placeIn(open.slice(0, 2), what)} is nested more than ${MAX_DEPTH} deep`);
    } else if (byte === END_OBJECT || byte === END_LIST) {
      open.pop();
    } else if (byte === COMMA && inner) {
      inner.entries++;
      inner.awaitsName = inner.names !== null;
      const max = inner.names === null ? limits.entries : MAX_MEMBERS;
      if (inner.entries > max) throw refusal(`${placeIn(open.slice(0, -1), what)} has more than ${max} entries`);
    } else if (byte === QUOTE && inner?.name === 'image' && open.length === 1 && !inner.awaitsName) {
      image = { start: at + 1, end: endOfImage(bytes, at + 1) };
      imageBytes = image.end - image.start;
      at = image.end;
    } else if (byte === QUOTE) {
      const end = endOfText(bytes, at + 1, what);
      if (inner?.awaitsName) beginMember(open, bytes.toString('utf8', at, end + 1), what);
      at = end;
    }
    at++;
  }
  if (bytes.length - imageBytes > limits.bytes) throw tooLong(what, limits.bytes);
  return image;
}

function beginMember(open: readonly Open[], quoted: string, what: string): void {
  const inner = open.at(-1)!;
  const name = JSON.parse(quoted) as string;
  if (name === '__proto__') throw refusal('The name "__proto__" is not allowed');
  if (inner.names!.has(name)) {
    const place = placeIn([...open.slice(0, -1), { ...inner, name }], what);
    throw new DomainError('invalid_option', `${place} is given twice: send each option once`);
  }
  inner.names!.add(name);
  inner.name = name;
  inner.awaitsName = false;
}

/** Base64 contains no quotes, escaped or not: one search finds the end of the image. */
function endOfImage(bytes: Buffer, start: number): number {
  const end = bytes.indexOf(QUOTE, start);
  if (end < 0) return bytes.length;
  if (bytes[end - 1] === BACKSLASH) throw notBase64();
  return end;
}

/** @returns index of the closing quote, or the length of `bytes` if there is none */
function endOfText(bytes: Buffer, start: number, what: string): number {
  for (let at = start; at < bytes.length; at++) {
    if (at - start > MAX_OPTIONS_BYTES) throw tooLong(what, MAX_OPTIONS_BYTES);
    if (bytes[at] === QUOTE) return at;
    if (bytes[at] === BACKSLASH) at++;
  }
  return bytes.length;
}

/** Such as `regions[3].left`. */
function placeIn(open: readonly Open[], what: string): string {
  const path = open.map(({ names, name, entries }) => (names === null ? `[${entries - 1}]` : `.${name.slice(0, 40)}`));
  return `${what}${path.join('')}`.replace(/^\./, '') || 'The JSON';
}

function tooLong(what: string, maxBytes: number): DomainError {
  const place = what === '' ? 'The JSON without the image' : what;
  return new DomainError('upload_too_large', `${place} is limited to ${maxBytes} bytes`);
}

export function notBase64(): DomainError {
  return refusal('"image" is not base64 (RFC 4648). Send the bytes of the image file as base64, or a data URL');
}

function refusal(detail: string): DomainError {
  return new DomainError('invalid_request', detail);
}

/**
 * A strict reader of the XML that XMP uses. What it does not know ends the reading: document types, and with them all entities
 * but the predefined ones, and CDATA.
 */

export interface XmlElement {
  /** Address of the namespace and local name, in one. */
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Directly inside, without that of children. */
  readonly text: string;
}

const MAX_DEPTH = 32;
const MAX_ELEMENTS = 20_000;
const MAX_ATTRIBUTES = 1000;

const IGNORED = /<\?[^]*?\?>|<!--[^]*?-->/y;
const END_TAG = /<\/([^\s<>/='"&]+)\s*>/y;
const START_TAG = /<([^\s<>/!?='"&]+)/y;
const ATTRIBUTE = /\s+([^\s<>/='"&]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y;
const TAG_END = /\s*(\/?)>/y;
const TEXT = /[^<]+/y;

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

interface OpenElement {
  readonly tag: string;
  readonly prefixes: ReadonlyMap<string, string>;
  readonly element: { name: string; attributes: Map<string, string>; children: XmlElement[]; text: string };
}

/** The elements at the top; null if the text is malformed. */
export function parseXml(source: string): XmlElement[] | null {
  const top: XmlElement[] = [];
  const open: OpenElement[] = [];
  let at = 0;
  let elements = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match) at += match[0].length;
    return match;
  };

  while (at < source.length) {
    if (take(IGNORED)) continue;
    const text = take(TEXT);
    if (text) {
      const decoded = decodeEntities(text[0]);
      if (decoded === null) return null;
      const parent = open.at(-1);
      if (parent) parent.element.text += decoded;
      else if (decoded.trim() !== '') return null;
      continue;
    }
    const end = take(END_TAG);
    if (end) {
      if (open.pop()?.tag !== end[1]) return null;
      continue;
    }
    const tag = take(START_TAG)?.[1];
    if (tag === undefined || ++elements > MAX_ELEMENTS || open.length >= MAX_DEPTH) return null;
    const attributes = readAttributes(take);
    const closing = take(TAG_END);
    if (!attributes || !closing) return null;
    const prefixes = declaredIn(attributes, open.at(-1)?.prefixes ?? new Map());
    const element = {
      name: expand(tag, prefixes, prefixes.get('') ?? ''),
      attributes: new Map(attributes.map(([name, value]) => [expand(name, prefixes, ''), value])),
      children: [],
      text: '',
    };
    (open.at(-1)?.element.children ?? top).push(element);
    if (closing[1] === '') open.push({ tag, prefixes, element });
  }
  return open.length === 0 ? top : null;
}

function readAttributes(take: (pattern: RegExp) => RegExpExecArray | null): [string, string][] | null {
  const attributes: [string, string][] = [];
  for (let match = take(ATTRIBUTE); match; match = take(ATTRIBUTE)) {
    const value = decodeEntities(match[2] ?? match[3] ?? '');
    const name = match[1]!;
    if (value === null || attributes.length >= MAX_ATTRIBUTES) return null;
    attributes.push([name, value]);
  }
  const names = new Set(attributes.map(([name]) => name));
  return names.size === attributes.length ? attributes : null;
}

/** Prefixes of namespaces; the empty one is the default. */
function declaredIn(attributes: readonly [string, string][], outer: ReadonlyMap<string, string>): Map<string, string> {
  const declared = attributes.flatMap(([name, value]): [string, string][] => {
    if (name === 'xmlns') return [['', value]];
    return name.startsWith('xmlns:') ? [[name.slice('xmlns:'.length), value]] : [];
  });
  return new Map([...outer, ...declared]);
}

function expand(name: string, prefixes: ReadonlyMap<string, string>, otherwise: string): string {
  const colon = name.indexOf(':');
  if (colon < 0) return otherwise + name;
  const prefix = name.slice(0, colon);
  const namespace = prefixes.get(prefix);
  // An unknown prefix stays: no name that is looked for begins like this.
  return namespace === undefined ? name : namespace + name.slice(colon + 1);
}

function decodeEntities(text: string): string | null {
  const [first = '', ...others] = text.split('&');
  const decoded = others.map((piece) => {
    const end = piece.indexOf(';') + 1;
    const character = decodeEntity(piece.slice(0, end));
    return character === null ? null : character + piece.slice(end);
  });
  return decoded.includes(null) ? null : first + decoded.join('');
}

function decodeEntity(body: string): string | null {
  const match = /^(?:([a-z]+)|#(\d+)|#x([\da-f]+));$/i.exec(body);
  if (!match) return null;
  const [, name, decimal, hexadecimal] = match as (string | undefined)[];
  if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name]! : null;
  const code = decimal === undefined ? parseInt(hexadecimal!, 16) : Number(decimal);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : null;
}

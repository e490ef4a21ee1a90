import type { Field } from './field.ts';
import { parseXml, type XmlElement } from './xml.ts';

/** Reads the values of XMP (ISO 16684-1): properties that are texts, and lists of texts. */

const RDF = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#';
const LISTS = ['Seq', 'Bag', 'Alt'].map((name) => RDF + name);
const MAX_BYTES = 1_048_576;

export const NAMESPACE = {
  dc: 'http://purl.org/dc/elements/1.1/',
  photoshop: 'http://ns.adobe.com/photoshop/1.0/',
  xmp: 'http://ns.adobe.com/xap/1.0/',
  tiff: 'http://ns.adobe.com/tiff/1.0/',
  exif: 'http://ns.adobe.com/exif/1.0/',
  exifEX: 'http://cipa.jp/exif/1.0/',
  aux: 'http://ns.adobe.com/exif/1.0/aux/',
  GPano: 'http://ns.google.com/photos/1.0/panorama/',
} as const;
export type Namespace = keyof typeof NAMESPACE;

export class XmpValues {
  /** Of each property its entries, or its only value. */
  readonly #properties: ReadonlyMap<string, readonly string[]>;
  readonly isDamaged: boolean;

  constructor(properties: ReadonlyMap<string, readonly string[]>, isDamaged: boolean) {
    this.#properties = properties;
    this.isDamaged = isDamaged;
  }

  /** The value, or the first entry of a list. */
  text(namespace: Namespace, name: string): Field<string> {
    return this.list(namespace, name)?.[0];
  }

  list(namespace: Namespace, name: string): Field<readonly string[]> {
    const entries = this.#properties.get(NAMESPACE[namespace] + name)?.map((entry) => entry.trim());
    const given = entries?.filter((entry) => entry !== '');
    return given?.length ? given : undefined;
  }
}

/** @param packet null: the file has none */
export function readXmp(packet: Uint8Array | null): XmpValues {
  if (packet === null) return new XmpValues(new Map(), false);
  const text = packet.length > MAX_BYTES ? null : decode(packet);
  const elements = text === null ? null : parseXml(text);
  if (!elements) return new XmpValues(new Map(), true);
  const properties = new Map<string, readonly string[]>();
  for (const description of descriptionsIn(elements)) {
    for (const [name, value] of description.attributes) addTo(properties, name, [value]);
    for (const child of description.children) {
      const entries = entriesOf(child);
      if (entries) addTo(properties, child.name, entries);
    }
  }
  return new XmpValues(properties, false);
}

/** Packets may be padded with spaces or, by some writers, with NULs. */
function decode(packet: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(packet).replace(/\0+$/, '');
  } catch {
    return null;
  }
}

function descriptionsIn(elements: readonly XmlElement[]): XmlElement[] {
  return elements.flatMap((element) =>
    element.name === `${RDF}RDF`
      ? element.children.filter(({ name }) => name === `${RDF}Description`)
      : descriptionsIn(element.children),
  );
}

function addTo(properties: Map<string, readonly string[]>, name: string, entries: readonly string[]): void {
  if (!properties.has(name)) properties.set(name, entries);
}

/** Of alternatives in several languages, the default one comes first. Structures have no entries. */
function entriesOf({ children, text }: XmlElement): string[] | null {
  const [list] = children;
  if (!list) return [text];
  if (children.length > 1 || !LISTS.includes(list.name)) return null;
  const items = list.children.filter(({ name, children: inside }) => name === `${RDF}li` && inside.length === 0);
  const isDefault = ({ attributes }: XmlElement) => attributes.get('xml:lang') === 'x-default';
  return [...items.filter(isDefault), ...items.filter((item) => !isDefault(item))].map((item) => item.text);
}

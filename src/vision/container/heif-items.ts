import { viewOf } from './bytes.ts';
import { latin1 } from './part.ts';

/** A property of an item, such as its size (ISO/IEC 23008-12, 6.5). */
export interface ItemProperty {
  /** Such as `ispe`. */
  readonly type: string;
  readonly data: Uint8Array;
}

/** What the `meta` box of a HEIF or AVIF file says about its primary item. */
export interface PrimaryItem {
  /** Such as `av01`, `hvc1` or `grid`. */
  readonly type: string;
  /** In the order in which they apply. */
  readonly properties: readonly ItemProperty[];
  /** From an item to others, such as `prem`: the colors are multiplied by their opacity. */
  readonly references: readonly string[];
}

export interface Box {
  readonly type: string;
  readonly data: Uint8Array;
}

/** Version and flags of a full box. */
export const FULL = 4;

/** The primary item of the file; null if the file is malformed or has none. Never throws. */
export function primaryItem(bytes: Uint8Array): PrimaryItem | null {
  try {
    return readPrimaryItem(bytes);
  } catch (error) {
    // Reading beyond the end of a box.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function readPrimaryItem(bytes: Uint8Array): PrimaryItem | null {
  const meta = find(boxesOf(bytes), 'meta');
  if (!meta) return null;
  const inMeta = boxesOf(meta.subarray(FULL));
  const [pitm, iprp] = [find(inMeta, 'pitm'), find(inMeta, 'iprp')];
  if (!pitm || !iprp) return null;
  const id = primaryId(pitm);
  const type = itemTypes(find(inMeta, 'iinf')).get(id)?.type;
  if (type === undefined) return null;
  const properties = boxesOf(find(boxesOf(iprp), 'ipco') ?? new Uint8Array());
  const indices = boxesOf(iprp).flatMap((box) => (box.type === 'ipma' ? associations(box.data, id) : []));
  return {
    type,
    properties: indices.flatMap((index) => properties[index - 1] ?? []),
    references: referencesOf(find(inMeta, 'iref'), id),
  };
}

export function primaryId(pitm: Uint8Array): number {
  return pitm[0] === 0 ? viewOf(pitm).getUint16(FULL) : viewOf(pitm).getUint32(FULL);
}

export function boxesOf(bytes: Uint8Array): Box[] {
  const view = viewOf(bytes);
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const short = view.getUint32(at);
    const header = short === 1 ? 16 : 8;
    const size = short === 0 ? bytes.length - at : short === 1 ? Number(view.getBigUint64(at + 8)) : short;
    if (size < header) break;
    boxes.push({ type: latin1(bytes, at + 4, at + 8), data: bytes.subarray(at + header, at + size) });
    at += size;
  }
  return boxes;
}

export function find(boxes: readonly Box[], type: string): Uint8Array | undefined {
  return boxes.find((box) => box.type === type)?.data;
}

/** @returns by the id of the item; the content type only of the type `mime` */
export function itemTypes(
  iinf: Uint8Array | undefined,
): Map<number, { readonly type: string; readonly contentType: string }> {
  const types = new Map<number, { type: string; contentType: string }>();
  if (!iinf) return types;
  for (const { type, data } of boxesOf(iinf.subarray(FULL + (iinf[0] === 0 ? 2 : 4)))) {
    if (type !== 'infe' || (data[0] !== 2 && data[0] !== 3)) continue;
    const idBytes = data[0] === 2 ? 2 : 4;
    const id = idBytes === 2 ? viewOf(data).getUint16(FULL) : viewOf(data).getUint32(FULL);
    // After the item's id and protection.
    const typeAt = FULL + idBytes + 2;
    const [, contentType = ''] = latin1(data, typeAt + 4, Math.min(data.length, typeAt + 200)).split('\0');
    types.set(id, { type: latin1(data, typeAt, typeAt + 4), contentType });
  }
  return types;
}

/** Numbers of the properties of an item, from 1. */
function associations(ipma: Uint8Array, wanted: number): number[] {
  const view = viewOf(ipma);
  const [idBytes, indexBytes] = [ipma[0] === 0 ? 2 : 4, (ipma[3]! & 1) === 0 ? 1 : 2];
  let at = FULL + 4;
  for (let left = view.getUint32(FULL); left > 0; left--) {
    const id = idBytes === 2 ? view.getUint16(at) : view.getUint32(at);
    const count = view.getUint8(at + idBytes);
    at += idBytes + 1;
    if (id === wanted) {
      // The highest bit says whether the property is essential.
      return Array.from({ length: count }, (_, index) =>
        indexBytes === 1 ? view.getUint8(at + index) & 0x7f : view.getUint16(at + 2 * index) & 0x7fff,
      );
    }
    at += count * indexBytes;
  }
  return [];
}

function referencesOf(iref: Uint8Array | undefined, id: number): string[] {
  if (!iref) return [];
  return boxesOf(iref.subarray(FULL)).flatMap(({ type, data }) => {
    const from = iref[0] === 0 ? viewOf(data).getUint16(0) : viewOf(data).getUint32(0);
    return from === id ? [type] : [];
  });
}

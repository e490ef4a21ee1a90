import { concat, viewOf } from './bytes.ts';
import { boxesOf, find, FULL, itemTypes, primaryId } from './heif-items.ts';

/** Metadata of a hostile file may be as long as the file, many times. */
const MAX_BYTES = 1_048_576;

interface HeifMetadata {
  /** A TIFF, as which EXIF is stored. */
  readonly exif: Uint8Array | null;
  readonly xmp: Uint8Array | null;
}

/** EXIF and XMP of the primary picture of a HEIC or AVIF (ISO/IEC 23008-12, A.2). Never throws. */
export function heifMetadata(file: Uint8Array): HeifMetadata {
  try {
    return readMetadata(file);
  } catch (error) {
    // Reading beyond the end of a box: there may have been an EXIF, but none that can be read.
    if (error instanceof RangeError) return { exif: new Uint8Array(), xmp: null };
    throw error;
  }
}

function readMetadata(file: Uint8Array): HeifMetadata {
  const meta = find(boxesOf(file), 'meta');
  const inMeta = meta ? boxesOf(meta.subarray(FULL)) : [];
  const [pitm, iloc, iref] = [find(inMeta, 'pitm'), find(inMeta, 'iloc'), find(inMeta, 'iref')];
  if (!pitm || !iloc) return { exif: null, xmp: null };
  const describing = iref ? describers(iref, primaryId(pitm)) : new Set<number>();
  const places = itemPlaces(iloc);
  const read = (wanted: (type: string, content: string) => boolean) => {
    const items = [...itemTypes(find(inMeta, 'iinf'))].filter(([id]) => describing.has(id));
    const id = items.find(([, { type, contentType }]) => wanted(type, contentType))?.[0];
    const extents = id === undefined ? undefined : places.get(id);
    return extents ? join(file, extents) : null;
  };
  const exif = read((type) => type === 'Exif');
  return {
    // The TIFF follows after as many bytes as the first four say.
    exif: exif && exif.length >= 4 ? exif.subarray(4 + viewOf(exif).getUint32(0)) : exif,
    xmp: read((type, content) => type === 'mime' && content === 'application/rdf+xml'),
  };
}

/** The items that describe the contents of another one. */
function describers(iref: Uint8Array, described: number): Set<number> {
  const idBytes = iref[0] === 0 ? 2 : 4;
  const ids = new Set<number>();
  for (const { type, data } of boxesOf(iref.subarray(FULL))) {
    if (type !== 'cdsc') continue;
    const view = viewOf(data);
    const count = view.getUint16(idBytes);
    const targets = Array.from({ length: count }, (_, index) => readUint(view, idBytes + 2 + index * idBytes, idBytes));
    if (targets.includes(described)) ids.add(readUint(view, 0, idBytes));
  }
  return ids;
}

type Extent = readonly [start: number, length: number];

/** Where the items lie in the file (ISO/IEC 14496-12, 8.11.3); without those that lie in another box or file. */
function itemPlaces(iloc: Uint8Array): Map<number, Extent[]> {
  const view = viewOf(iloc);
  const version = iloc[0]!;
  const [offsetBytes, lengthBytes] = [iloc[FULL]! >> 4, iloc[FULL]! & 15];
  const [baseBytes, indexBytes] = [iloc[FULL + 1]! >> 4, version === 0 ? 0 : iloc[FULL + 1]! & 15];
  const idBytes = version === 2 ? 4 : 2;
  let at = FULL + 2;
  const next = (bytes: number) => {
    const value = readUint(view, at, bytes);
    at += bytes;
    return value;
  };
  const places = new Map<number, Extent[]>();
  for (let left = next(idBytes); left > 0; left--) {
    const id = next(idBytes);
    const method = version === 0 ? 0 : next(2) & 15;
    const reference = next(2);
    const base = next(baseBytes);
    const extents: Extent[] = [];
    for (let more = next(2); more > 0; more--) {
      next(indexBytes);
      extents.push([base + next(offsetBytes), next(lengthBytes)]);
    }
    if (method === 0 && reference === 0) places.set(id, extents);
  }
  return places;
}

/** Null if the item is too long to be read. */
function join(file: Uint8Array, extents: readonly Extent[]): Uint8Array | null {
  const bytes = extents.reduce((sum, [, length]) => sum + length, 0);
  if (bytes > MAX_BYTES || extents.length > 100) return null;
  return concat(...extents.map(([start, length]) => file.subarray(start, start + length)));
}

function readUint(view: DataView, at: number, bytes: number): number {
  switch (bytes) {
    case 0:
      return 0;
    case 2:
      return view.getUint16(at);
    case 4:
      return view.getUint32(at);
    case 8:
      return Number(view.getBigUint64(at));
    default:
      throw new RangeError(`a number of ${bytes} bytes`);
  }
}

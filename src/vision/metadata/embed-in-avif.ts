import { ascii, bigEndian, concat, viewOf } from '../container/bytes.ts';
import { type Box, boxesOf, find, FULL, primaryId } from '../container/heif-items.ts';

/**
 * EXIF and XMP as items of an AVIF that describe its picture (ISO/IEC 23008-12, A.2). They come at the end of the file; what
 * lies behind the list of items moves.
 * @param file as libheif writes it: positions of four bytes, counted from the start of the file
 */
export function embedInAvif(
  file: Uint8Array,
  exif: Uint8Array | null,
  xmp: Uint8Array | null,
): Uint8Array<ArrayBuffer> {
  const boxes = boxesOf(file);
  const meta = find(boxes, 'meta');
  if (!meta) throw new Error('no meta box');
  const inMeta = boxesOf(meta.subarray(FULL));
  const [iloc, iinf, pitm] = [find(inMeta, 'iloc'), find(inMeta, 'iinf'), find(inMeta, 'pitm')];
  if (!iloc || !iinf || !pitm || iinf[0] !== 0 || iloc[0] !== 0 || iloc[FULL] !== 0x44) {
    throw new Error('unexpected list of items');
  }
  const first = 1 + Math.max(...boxesOf(iinf.subarray(FULL + 2)).map(({ data }) => viewOf(data).getUint16(FULL)));
  // EXIF begins with the position of its TIFF.
  const items = [
    ...(exif ? [{ info: ascii('Exif\0'), data: concat(bigEndian(0, 4), exif) }] : []),
    ...(xmp ? [{ info: ascii('mime\0application/rdf+xml\0'), data: xmp }] : []),
  ].map((item, index) => ({ ...item, id: first + index }));

  const references = items.map(({ id }) =>
    box('cdsc', bigEndian(id, 2), bigEndian(1, 2), bigEndian(primaryId(pitm), 2)),
  );
  const infos = items.map(({ id, info }) =>
    box('infe', Uint8Array.of(2, 0, 0, 1), bigEndian(id, 2), bigEndian(0, 2), info),
  );
  const rebuild = (growth: number): Uint8Array => {
    let at = file.length + growth + BOX_HEADER;
    const places = items.map(({ id, data }) => {
      const place = concat(bigEndian(id, 2), bigEndian(0, 2), base(iloc, 0), bigEndian(1, 2), bigEndian(at, 4));
      at += data.length;
      return concat(place, bigEndian(data.length, 4));
    });
    const rest = inMeta.map((inner) => {
      switch (inner.type) {
        case 'iloc':
          return box('iloc', movedPlaces(inner.data, growth, items.length), ...places);
        case 'iinf':
          return box('iinf', counted(inner.data, infos.length), ...infos);
        case 'iref':
          return box('iref', inner.data, ...references);
        default:
          return box(inner.type, inner.data);
      }
    });
    if (!find(inMeta, 'iref')) rest.push(box('iref', new Uint8Array(4), ...references));
    return box('meta', meta.subarray(0, FULL), ...rest);
  };
  const growth = rebuild(0).length - BOX_HEADER - meta.length;
  return concat(
    ...boxes.map((outer) => (outer.type === 'meta' ? rebuild(growth) : whole(outer))),
    box('mdat', ...items.map(({ data }) => data)),
  );
}

const BOX_HEADER = 8;

function box(type: string, ...content: readonly Uint8Array[]): Uint8Array {
  const data = concat(...content);
  return concat(bigEndian(BOX_HEADER + data.length, 4), ascii(type), data);
}

function whole({ type, data }: Box): Uint8Array {
  return box(type, data);
}

/** The position that those of an item are counted from, in as many bytes as the list says. */
function base(iloc: Uint8Array, value: number): Uint8Array {
  return bigEndian(value, iloc[FULL + 1]! >> 4);
}

/** With the positions of the items that are there, and the count of all. */
function movedPlaces(iloc: Uint8Array, growth: number, added: number): Uint8Array {
  const moved = iloc.slice();
  const view = viewOf(moved);
  const baseBytes = iloc[FULL + 1]! >> 4;
  if (baseBytes !== 0 && baseBytes !== 4) throw new Error(`positions of ${baseBytes} bytes`);
  const move = (at: number) => {
    view.setUint32(at, view.getUint32(at) + growth);
  };
  const count = view.getUint16(FULL + 2);
  view.setUint16(FULL + 2, count + added);
  let at = FULL + 4;
  for (let left = count; left > 0; left--) {
    if (baseBytes === 4) move(at + 4);
    const extents = view.getUint16(at + 4 + baseBytes);
    at += 6 + baseBytes;
    for (let more = extents; more > 0; more--, at += 8) if (baseBytes === 0) move(at);
  }
  return moved;
}

/** With the count of all. */
function counted(iinf: Uint8Array, added: number): Uint8Array {
  const bytes = iinf.slice();
  const view = viewOf(bytes);
  view.setUint16(FULL, view.getUint16(FULL) + added);
  return bytes;
}

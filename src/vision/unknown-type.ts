import { sniffImageType } from './image-type.ts';

/** Other files that are sent by mistake, by their first bytes. */
const OTHERS: readonly (readonly [start: RegExp, name: string])[] = [
  [/^PK/, 'a ZIP archive'],
  [/^....ftyp/s, 'a video or another ISO media file'],
  [/^8BPS/, 'a Photoshop document'],
  [/^\s*<(!doctype|html|\?xml)/i, 'a web page or an XML document'],
  [/^data:/, 'a data: URL'],
];

/** How many bytes are searched for the start of an image. */
const SEARCHED_BYTES = 4096;
/** Signatures of images that are long enough not to occur by chance. */
const SIGNATURES = ['\xff\xd8\xff', '\x89PNG\r\n\x1a\n', 'GIF87a', 'GIF89a', 'RIFF'];
const SHOWN_BYTES = 8;

/** What a file of an unknown type looks like, as in "it starts with …". */
export function describeUnknown(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty';
  const head = String.fromCharCode(...bytes.subarray(0, SEARCHED_BYTES));
  const start = startOfImage(bytes, head);
  if (start !== null) return `it has ${start.at} other bytes before the start of a ${start.type} image. Remove them`;
  const other = OTHERS.find(([pattern]) => pattern.test(head))?.[1];
  return other === undefined ? `it starts with the bytes ${hex(bytes.subarray(0, SHOWN_BYTES))}` : `it is ${other}`;
}

function startOfImage(bytes: Uint8Array, head: string): { readonly at: number; readonly type: string } | null {
  for (const signature of SIGNATURES) {
    const at = head.indexOf(signature);
    const type = at > 0 ? sniffImageType(bytes.subarray(at)) : 'unknown';
    if (type !== 'unknown') return { at, type };
  }
  return null;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

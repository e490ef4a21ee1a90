const MAX_SEGMENT_BYTES = 200;
const MAX_SEGMENTS = 32;

/**
 * The name of a file as it is used in the result: a relative path that stays inside the folder into which somebody extracts
 * it, on every system.
 */
export function safeName(given: string): string {
  const segments = given
    .normalize('NFC')
    .replaceAll('\\', '/')
    .split('/')
    .map(safeSegment)
    .filter((segment) => segment !== '')
    .slice(-MAX_SEGMENTS);
  return segments.length === 0 ? 'unnamed' : segments.join('/');
}

/** Control characters, and characters that Windows does not allow */
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\u2028\u2029<>:"|?*]/g;

function safeSegment(segment: string): string {
  const plain = segment.replace(FORBIDDEN, '_').trim();
  if (/^\.+$/.test(plain)) return '';
  return shortened(plain);
}

/** Keeps the extension. Cuts between characters. */
function shortened(segment: string): string {
  if (Buffer.byteLength(segment) <= MAX_SEGMENT_BYTES) return segment;
  const extension = /\.[A-Za-z0-9]{1,10}$/.exec(segment)?.[0] ?? '';
  let kept = '';
  let bytes = Buffer.byteLength(extension);
  for (const character of segment) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_SEGMENT_BYTES) break;
    kept += character;
  }
  return kept + extension;
}

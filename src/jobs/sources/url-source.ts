import { DomainError } from '../../errors/domain-error.ts';
import { toTarget } from '../../fetching/target.ts';
import type { Source, SourceFile } from './source.ts';

/** Longer than any URL that is fetched */
const MAX_LINE_BYTES = 16_384;

/** The file at a URL, which a worker fetches. A URL with credentials, or one that is none, is not stored. */
export function urlFile(text: string): SourceFile {
  const name = nameOf(text);
  try {
    toTarget(text, 'urls');
    return { name, url: text };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { name, error: { code: error.code, detail: error.message } };
  }
}

/**
 * The URLs in a text, one per line. Empty lines do not count.
 * @throws DomainError invalid_request
 */
export async function* urlSource(text: AsyncIterable<Buffer>): Source {
  for await (const line of linesOf(text)) if (line !== '') yield urlFile(line);
}

/** Memory does not depend on the length of the text. */
async function* linesOf(text: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of text) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      yield rest.subarray(0, end).toString().trim();
      rest = rest.subarray(end + 1);
    }
    if (rest.length > MAX_LINE_BYTES) {
      throw new DomainError(
        'invalid_request',
        `urls: a line is limited to ${MAX_LINE_BYTES} bytes. Send one URL per line`,
      );
    }
  }
  yield rest.toString().trim();
}

/** @throws DomainError url_not_allowed: every item would fail */
export function assertFetching(isOn: boolean): void {
  if (isOn) return;
  const detail = 'urls: fetching is off (FACE_API_FETCH_ALLOW). Send the images themselves';
  throw new DomainError('url_not_allowed', detail);
}

/** The path of the URL. Its other parts may contain secrets. */
function nameOf(text: string): string {
  const url = URL.parse(text);
  if (!url) return '';
  if (url.pathname === '/') return url.hostname;
  try {
    return decodeURIComponent(url.pathname);
  } catch {
    // A percent sign that encodes nothing
    return url.pathname;
  }
}

import { DomainError } from '../../errors/domain-error.ts';
import { reasonOf } from '../../errors/reason.ts';
import type { ItemError } from '../batch-records.ts';

/**
 * A file of a source, or where a worker reads it, or the reason why it was not read: the batch then has an item that failed.
 */
export type SourceFile =
  | { readonly name: string; readonly bytes: Uint8Array }
  | { readonly name: string; readonly url: string }
  | { readonly name: string; readonly error: ItemError };

/** The files of a batch one by one, so that memory does not depend on their number */
export type Source = AsyncIterable<SourceFile>;

export function tooLargeFile(maxBytes: number): ItemError {
  return { code: 'upload_too_large', detail: `A file is limited to ${maxBytes} bytes` };
}

/** An archive may have folders and what systems add to it, besides images. */
export function tooManyEntries(maxItems: number): DomainError {
  return new DomainError(
    'upload_too_large',
    `The archive has more than ${2 * maxItems} entries. A batch is limited to ${maxItems} images`,
  );
}

export function unreadableArchive(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  const detail = `The archive cannot be read: ${reasonOf(error).slice(0, 300)}. Send a ZIP, a tar or a tar.gz`;
  return new DomainError('invalid_request', detail, { cause: error });
}

/** What systems add to archives and folders, and no person means */
export function isClutter(name: string): boolean {
  const segments = name.split('/');
  return segments.includes('__MACOSX') || /^(\.|Thumbs\.db$|desktop\.ini$)/i.test(segments.at(-1) ?? '');
}

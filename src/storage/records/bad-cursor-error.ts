/** The `after` of a page is not a cursor of this list and sort order. */
export class BadCursorError extends Error {
  override readonly name = 'BadCursorError';
}

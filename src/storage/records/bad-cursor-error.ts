/** The `after` of a page was not made here, or for another sort. */
export class BadCursorError extends Error {
  override readonly name = 'BadCursorError';
}

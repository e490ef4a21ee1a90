/**
 * Something is wrong with a model file, its source or the manifest.
 * The message is one line, written for the operator: what was found, and what to do about it.
 */
export class ModelError extends Error {
  override name = 'ModelError';
}

/** The code of a failed system call ("ENOENT"), or undefined where the error is of another kind. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What went wrong, with what lay beneath it: `fetch` says only "fetch failed" and keeps the reason in `cause`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message === '' ? (systemErrorCode(error) ?? error.name) : error.message;
  return error.cause === undefined ? message : `${message} (${reasonOf(error.cause)})`;
}

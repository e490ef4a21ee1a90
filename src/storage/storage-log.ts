/** The part of Nest's logger that storage uses, so that the command line can do without Nest. */
export interface StorageLog {
  warn(context: object, message: string): void;
  error(context: object, message: string): void;
}

/** What went wrong in one line, without what it was about: no image, no key, no address leaves by it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error.message === '' ? ((error as NodeJS.ErrnoException).code ?? error.name) : error.message;
}

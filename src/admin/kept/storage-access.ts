import { Logger } from '@nestjs/common';
import { DomainError } from '../../errors/domain-error.ts';
import { systemErrorCode } from '../../errors/reason.ts';
import { BadCursorError } from '../../storage/records/bad-cursor-error.ts';

const logger = new Logger('Console');

/**
 * Runs what the console's API does with what is stored: a failure becomes a problem that says what to do.
 * @throws DomainError storage_unavailable, invalid_request, and what the work itself throws as one
 */
export async function reachStorage<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BadCursorError) {
      throw new DomainError('invalid_request', '"after" is not the "next" of a page of this list with this sort');
    }
    if (error instanceof DomainError || isOurMistake(error)) throw error;
    logger.warn({ err: error }, 'The console could not reach storage');
    throw new DomainError(
      'storage_unavailable',
      'The database or the object store does not respond. Try again in a few seconds',
      { cause: error, headers: { 'retry-after': '5' } },
    );
  }
}

/** PostgreSQL's classes of errors that no waiting heals: wrong values, broken constraints, wrong statements. */
const REFUSED_STATEMENT = /^(22|23|42)...$/;

/** Whatever else fails, fails outside of this process. */
function isOurMistake(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) return true;
  return REFUSED_STATEMENT.test(systemErrorCode(error) ?? '');
}

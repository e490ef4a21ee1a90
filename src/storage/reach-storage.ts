import { Logger } from '@nestjs/common';
import { DomainError } from '../errors/domain-error.ts';
import { systemErrorCode } from '../errors/reason.ts';
import { BadCursorError } from './records/bad-cursor-error.ts';

const logger = new Logger('Storage');

/**
 * Runs work on stored data for a request. A failure becomes a problem that says what to do.
 * @throws DomainError storage_unavailable, invalid_request, and any DomainError of the work
 */
export async function reachStorage<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BadCursorError) {
      throw new DomainError('invalid_request', '"after" is not the "next" of a page of this list with this sort');
    }
    if (error instanceof DomainError || isOurMistake(error)) throw error;
    logger.warn({ err: error }, 'A request could not reach the database or the object store');
    throw new DomainError(
      'storage_unavailable',
      'The database or the object store does not respond. Try again in a few seconds',
      { cause: error, headers: { 'retry-after': '5' } },
    );
  }
}

/** Error classes of PostgreSQL that a retry does not solve: invalid values, violated constraints, invalid statements. */
const REFUSED_STATEMENT = /^(22|23|42)...$/;

/** All other errors have their cause outside this process. */
function isOurMistake(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) return true;
  return REFUSED_STATEMENT.test(systemErrorCode(error) ?? '');
}

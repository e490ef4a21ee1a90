import { DomainError, type ErrorCode } from '../../errors/domain-error.ts';
import { reasonOf, systemErrorCode } from '../../errors/reason.ts';

/** Why one file failed */
export interface Failure {
  readonly code: string;
  readonly reason: string;
}

/** Every other file would fail as well. */
const ENDS_THE_RUN: readonly ErrorCode[] = ['unauthorized', 'not_found', 'busy', 'not_ready', 'too_many_requests'];
const SYSTEM_ENDS_THE_RUN = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE'];

/** @returns null if the error is not about this file alone */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof DomainError) {
    return ENDS_THE_RUN.includes(error.code) ? null : { code: error.code, reason: error.message };
  }
  const code = systemErrorCode(error);
  if (code === undefined || !/^E[A-Z]+$/.test(code) || SYSTEM_ENDS_THE_RUN.includes(code)) return null;
  return { code, reason: reasonOf(error) };
}

import { Inject, Injectable, Logger } from '@nestjs/common';
import { DomainError } from '../../errors/domain-error.ts';
import { KeptStorage } from '../../storage/kept-storage.ts';
import { BadCursorError } from '../../storage/records/bad-cursor-error.ts';

/** The way of the console's API to what is kept: whatever stands in it becomes a problem that says what to do. */
@Injectable()
export class StorageAccess {
  private readonly logger = new Logger('Console');

  constructor(@Inject(KeptStorage) private readonly kept: KeptStorage | null) {}

  get isOn(): boolean {
    return this.kept !== null;
  }

  /** @throws DomainError storage_off, storage_unavailable, and what the work itself throws as one */
  async use<Result>(work: (kept: KeptStorage) => Promise<Result>): Promise<Result> {
    if (!this.kept) {
      throw new DomainError(
        'storage_off',
        'Storage is off. Set FACE_API_STORAGE_ENABLED=true to store images and jobs',
      );
    }
    try {
      return await work(this.kept);
    } catch (error) {
      if (error instanceof BadCursorError) {
        throw new DomainError('invalid_request', '"after" is not the "next" of a page of this list with this sort');
      }
      if (error instanceof DomainError || isOurMistake(error)) throw error;
      this.logger.warn({ err: error }, 'The console could not reach storage');
      throw new DomainError(
        'storage_unavailable',
        'The database or the object store does not respond. Try again in a few seconds',
        { cause: error, headers: { 'retry-after': '5' } },
      );
    }
  }
}

/** PostgreSQL's classes of errors that no waiting heals: wrong values, broken constraints, wrong statements. */
const REFUSED_STATEMENT = /^(22|23|42)...$/;

/** Whatever else fails, fails outside of this process. */
function isOurMistake(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) return true;
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && REFUSED_STATEMENT.test(code);
}

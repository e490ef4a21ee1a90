import { DomainError } from '../../errors/domain-error.ts';
import type { Database } from './database.ts';

/**
 * Does work of a request that cannot do without the database.
 * @param unavailable what to tell the client if it fails
 * @throws DomainError storage_unavailable
 */
export async function withDatabase<Result>(
  database: Database,
  unavailable: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    await database.ready();
    return await work();
  } catch (error) {
    throw new DomainError('storage_unavailable', unavailable, { cause: error, headers: { 'retry-after': '5' } });
  }
}

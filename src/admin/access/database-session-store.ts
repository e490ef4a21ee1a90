import type { DataSource } from 'typeorm';
import { DomainError } from '../../errors/domain-error.ts';
import type { Database } from '../../storage/records/database.ts';
import type { SessionStore, StoredSession } from './session-store.ts';

/** Sessions in the database: they survive a restart and are valid for all instances, but need the database. */
export class DatabaseSessionStore implements SessionStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async add({ digest, password, createdAt, lastSeenAt }: StoredSession): Promise<void> {
    await this.#query(`INSERT INTO sessions (digest, password, created_at, last_seen_at) VALUES ($1, $2, $3, $4)`, [
      digest,
      password,
      createdAt,
      lastSeenAt,
    ]);
  }

  async find(digest: string): Promise<StoredSession | null> {
    const rows = await this.#query<StoredSession[]>(
      `SELECT digest, password, created_at AS "createdAt", last_seen_at AS "lastSeenAt" FROM sessions WHERE digest = $1`,
      [digest],
    );
    return rows[0] ?? null;
  }

  async touch(digest: string, at: Date): Promise<void> {
    await this.#query(`UPDATE sessions SET last_seen_at = $2 WHERE digest = $1`, [digest, at]);
  }

  async remove(digest: string): Promise<void> {
    await this.#query(`DELETE FROM sessions WHERE digest = $1`, [digest]);
  }

  async sweep(createdBefore: Date, lastSeenBefore: Date): Promise<void> {
    await this.#query(`DELETE FROM sessions WHERE created_at < $1 OR last_seen_at < $2`, [
      createdBefore,
      lastSeenBefore,
    ]);
  }

  async #query<Result>(...[sql, parameters]: Parameters<DataSource['query']>): Promise<Result> {
    try {
      return await (await this.#database.ready()).query<Result>(sql, parameters);
    } catch (error) {
      throw new DomainError('storage_unavailable', 'Sessions are stored in the database, which is unavailable', {
        cause: error,
        headers: { 'retry-after': '5' },
      });
    }
  }
}

import type { DataSource, EntityManager } from 'typeorm';

/**
 * Locks that all instances share, held by the database. Their names are hashed to PostgreSQL's 64-bit keys; a session
 * that ends, however it ends, gives its locks back.
 */

/** Held until the transaction ends: whoever stores, erases or repairs an image is alone with it. */
export async function lockImage(rows: EntityManager, sha256: string): Promise<void> {
  await rows.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`face-api image ${sha256}`]);
}

/** Held until the transaction ends: whoever stores a job, or repairs its result, is alone with it. */
export async function lockJob(rows: EntityManager, id: string): Promise<void> {
  await rows.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`face-api job ${id}`]);
}

/** Runs the work while no other instance runs any under the same name, after waiting for its turn. */
export async function inTurn<Result>(
  dataSource: DataSource,
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  return withSession(dataSource, async (query) => {
    await query(`SELECT pg_advisory_lock(hashtextextended($1, 0))`, [`face-api ${name}`]);
    return work();
  });
}

/** Runs the work, unless another instance runs some under the same name; then null. */
export async function ifAlone<Result>(
  dataSource: DataSource,
  name: string,
  work: () => Promise<Result>,
): Promise<Result | null> {
  return withSession(dataSource, async (query) => {
    const [row] = await query(`SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken`, [`face-api ${name}`]);
    return row?.['taken'] === true ? work() : null;
  });
}

type Query = (sql: string, parameters?: unknown[]) => Promise<Record<string, unknown>[]>;

/** Locks of a session go with it, and connections are used again: all are given back before this one is. */
async function withSession<Result>(dataSource: DataSource, work: (query: Query) => Promise<Result>): Promise<Result> {
  const session = dataSource.createQueryRunner();
  try {
    await session.connect();
    const result = await work((sql, parameters) => session.query(sql, parameters) as ReturnType<Query>);
    return result;
  } finally {
    await session.query(`SELECT pg_advisory_unlock_all()`).finally(() => session.release());
  }
}

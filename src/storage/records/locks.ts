import type { DataSource, EntityManager } from 'typeorm';
import { imageEntity } from './image.entity.ts';

/**
 * Advisory locks of PostgreSQL, which all instances share. Their names are hashed to 64-bit keys. A lock is released when
 * its transaction or session ends.
 */

/** Held until the transaction ends: storing, erasing and repairing an image exclude each other. */
export async function lockImage(rows: EntityManager, sha256: string): Promise<void> {
  await rows.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`face-api image ${sha256}`]);
}

/** @returns false if there is no such image */
export async function lockImageById(rows: EntityManager, id: string): Promise<boolean> {
  const image = await rows.findOneBy(imageEntity, { id });
  if (!image) return false;
  await lockImage(rows, image.sha256);
  // It may have been erased before this process got the lock.
  return rows.existsBy(imageEntity, { id });
}

/** Held until the transaction ends: storing a job and repairing its result exclude each other. */
export async function lockJob(rows: EntityManager, id: string): Promise<void> {
  await rows.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`face-api job ${id}`]);
}

/** Waits for the lock of this name and runs the work with it. */
export async function withLock<Result>(
  dataSource: DataSource,
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  return withSession(dataSource, async (query) => {
    await query(`SELECT pg_advisory_lock(hashtextextended($1, 0))`, [`face-api ${name}`]);
    return work();
  });
}

/** Runs the work with the lock of this name; null if another instance has the lock. */
export async function withLockIfFree<Result>(
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

/** Connections are reused, so their locks must be released before they are returned. */
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

import { readdir } from 'node:fs/promises';
import { DataSource, type MigrationInterface } from 'typeorm';
import { auditEntity } from './audit.entity.ts';
import { imageEntity } from './image.entity.ts';
import { instanceEntity } from './instance.entity.ts';
import { jobEntity } from './job.entity.ts';
import { sessionEntity } from './session.entity.ts';
import { trafficEntity } from './traffic.entity.ts';

/**
 * The repository's migrations/: the same path from src/storage/records/ and from dist/storage/records/. They have no
 * decorators, so Node runs them as they stand, and there is one copy of them.
 */
export const migrationsFolder = new URL('../../../migrations/', import.meta.url);

export const entities = [imageEntity, jobEntity, auditEntity, sessionEntity, trafficEntity, instanceEntity];

const CONNECT_TIMEOUT_MS = 5000;

interface Limits {
  readonly poolSize: number;
  /** Longest time a statement may take; 0: no limit. */
  readonly queryTimeoutMs: number;
}

/** @param onPoolError told of idle connections that break; the pool replaces them by itself */
export function createDataSource(url: string, limits: Limits, onPoolError: (error: Error) => void): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    entities,
    synchronize: false,
    logging: false,
    migrationsTableName: 'migrations',
    applicationName: 'face-api',
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    poolErrorHandler: onPoolError,
    extra: { max: limits.poolSize, keepAlive: true, query_timeout: limits.queryTimeoutMs },
  });
}

type MigrationClass = new () => MigrationInterface;

/** All migrations, oldest first: a file's name starts with the time at which it was written. */
export async function loadMigrations(): Promise<MigrationClass[]> {
  const files = (await readdir(migrationsFolder)).filter((name) => /^\d+-.+\.ts$/.test(name)).sort();
  const modules = await Promise.all(
    files.map((name) => import(new URL(name, migrationsFolder).href) as Promise<Record<string, MigrationClass>>),
  );
  return modules.flatMap((module) => Object.values(module));
}

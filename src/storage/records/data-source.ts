import { readdir } from 'node:fs/promises';
import type { DataSourceOptions, MigrationInterface } from 'typeorm';
import { auditEntity } from './audit.entity.ts';
import { batchChunkEntity } from './batch-chunk.entity.ts';
import { batchItemEntity } from './batch-item.entity.ts';
import { batchEntity } from './batch.entity.ts';
import { imageEntity } from './image.entity.ts';
import { instanceEntity } from './instance.entity.ts';
import { jobEntity } from './job.entity.ts';
import { replayEntity } from './replay.entity.ts';
import { reportEntity } from './report.entity.ts';
import { claimEntity, decisionEntity, reviewEntity } from './review.entity.ts';
import { sessionEntity } from './session.entity.ts';
import { trafficEntity } from './traffic.entity.ts';
import { versionEntity } from './version.entity.ts';
import { webhookAttemptEntity } from './webhook-attempt.entity.ts';
import { webhookDeliveryEntity } from './webhook-delivery.entity.ts';

/**
 * The repository's migrations/: the same path from src/storage/records/ and from dist/storage/records/. They have no
 * decorators, so Node runs them without a build, and there is one copy of them.
 */
export const migrationsFolder = new URL('../../../migrations/', import.meta.url);

export const entities = [
  imageEntity,
  jobEntity,
  auditEntity,
  sessionEntity,
  trafficEntity,
  instanceEntity,
  replayEntity,
  batchEntity,
  batchItemEntity,
  batchChunkEntity,
  webhookDeliveryEntity,
  webhookAttemptEntity,
  versionEntity,
  reviewEntity,
  claimEntity,
  decisionEntity,
  reportEntity,
];

const CONNECT_TIMEOUT_MS = 5000;

export interface ConnectionOptions {
  readonly poolSize: number;
  /** Longest time a statement may take; 0: no limit. */
  readonly queryTimeoutMs: number;
  /** Called for idle connections that break; the pool replaces them automatically. */
  readonly onPoolError: (error: Error) => void;
}

/** For short work: errors reach the code that uses the connection, so that they need not be logged here. */
const BRIEF: ConnectionOptions = { poolSize: 2, queryTimeoutMs: 0, onPoolError: () => undefined };

/**
 * How every connection to the database is made: by the service, by its command line, and by TypeORM's (ormconfig.ts).
 * @param url may be empty, and set later by `setOptions`
 */
export function dataSourceOptions(
  url: string,
  { poolSize, queryTimeoutMs, onPoolError }: ConnectionOptions = BRIEF,
): DataSourceOptions {
  return {
    type: 'postgres',
    url,
    entities,
    synchronize: false,
    logging: false,
    migrationsTableName: 'migrations',
    applicationName: 'face-api',
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    poolErrorHandler: onPoolError,
    extra: { max: poolSize, keepAlive: true, query_timeout: queryTimeoutMs },
  };
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

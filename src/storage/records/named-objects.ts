import type { DataSource, EntityManager } from 'typeorm';
import { ownerOf } from '../objects/object-keys.ts';

/** The keys that a row names */
export async function namedByRows(rows: DataSource | EntityManager, keys: readonly string[]): Promise<Set<string>> {
  const owners = keys.map(ownerOf).filter((owner) => owner !== null);
  const digests = owners.flatMap((owner) => ('sha256' in owner ? [owner.sha256] : []));
  const jobIds = owners.flatMap((owner) => ('jobId' in owner ? [owner.jobId] : []));
  const versionIds = owners.flatMap((owner) => ('versionId' in owner ? [owner.versionId] : []));
  const named: { key: string }[] = await rows.query(
    `SELECT object_key AS key FROM images WHERE sha256 = ANY ($1) AND object_key IS NOT NULL
     UNION ALL SELECT result_key FROM jobs WHERE id = ANY ($2) AND result_key IS NOT NULL
     UNION ALL SELECT object_key FROM versions WHERE id = ANY ($3) AND object_key IS NOT NULL`,
    [digests, jobIds, versionIds],
  );
  return new Set(named.map(({ key }) => key));
}

import { join } from 'node:path';
import { ConfigurationError, type Configuration } from '../config/configuration.ts';
import { AssetUrls } from './objects/asset-urls.ts';
import { FolderStore } from './objects/folder-store.ts';
import type { ObjectStore } from './objects/object-store.ts';
import { Database } from './records/database.ts';
import { Spool, type SpoolOptions } from './spool/spool.ts';
import type { StorageLog } from './storage-log.ts';

type Slices = Pick<Configuration, 'storage' | 'database' | 's3'>;

/** The parts of storage as they are configured: for the service and for the command line alike. */

export function openDatabase({ storage, database }: Slices, log: StorageLog): Database {
  return new Database({
    url: database.url,
    dataFolder: storage.dataFolder,
    poolSize: database.poolSize,
    warn: (message, error) => {
      log.warn({ err: error }, message);
    },
  });
}

export function openAssetUrls({ storage }: Slices): Promise<AssetUrls> {
  return AssetUrls.open(storage.dataFolder);
}

export async function openObjects({ storage, s3 }: Slices, urls: AssetUrls): Promise<ObjectStore> {
  if (s3.bucket === '') return FolderStore.open(join(storage.dataFolder, 'objects'), urls);
  if ((s3.accessKeyId === '') !== (s3.secretAccessKey === '')) {
    throw new ConfigurationError('Set both FACE_API_S3_ACCESS_KEY_ID and FACE_API_S3_SECRET_ACCESS_KEY, or neither');
  }
  // Only where there is a bucket: the SDK takes its time to load.
  const { S3Store } = await import('./objects/s3-store.ts');
  return new S3Store(s3);
}

export function openSpool(
  { storage }: Slices,
  onGivenUp: SpoolOptions['onGivenUp'],
  onDamaged: SpoolOptions['onDamaged'],
): Promise<Spool> {
  return Spool.open({
    folder: join(storage.dataFolder, 'spool'),
    maxBytes: storage.spoolMaxBytes,
    fullPolicy: storage.spoolFullPolicy,
    fsync: storage.spoolFsync,
    onGivenUp,
    onDamaged,
  });
}

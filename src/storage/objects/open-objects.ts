import { join } from 'node:path';
import { ConfigurationError, type Configuration } from '../../config/configuration.ts';
import type { AssetUrls } from './asset-urls.ts';
import { FolderStore } from './folder-store.ts';
import type { ObjectStore } from './object-store.ts';

/** The bucket if one is configured, else a folder. */
export async function openObjects({ storage, s3 }: Configuration, urls: AssetUrls): Promise<ObjectStore> {
  if (s3.bucket === '') return FolderStore.open(join(storage.dataFolder, 'objects'), urls);
  if ((s3.accessKeyId === '') !== (s3.secretAccessKey === '')) {
    throw new ConfigurationError('Set both FACE_API_S3_ACCESS_KEY_ID and FACE_API_S3_SECRET_ACCESS_KEY, or neither');
  }
  // Only if there is a bucket: the SDK takes long to load.
  const { S3Store } = await import('./s3-store.ts');
  return new S3Store(s3);
}

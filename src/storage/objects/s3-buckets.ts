import { GetObjectCommand, ListObjectsV2Command, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import type { Configuration } from '../../config/configuration.ts';
import { readAtMost } from '../../files/chunks.ts';
import { S3RefusedError } from './s3-refused-error.ts';
import { createClient } from './s3-store.ts';

export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
}

/** Reads objects of others, at the S3 service of the store and with its credentials. */
export class S3Buckets {
  readonly #client: S3Client;

  constructor(settings: Configuration['s3']) {
    this.#client = createClient(settings, settings.endpoint);
  }

  /**
   * The next objects in the order of their keys.
   * @param after key after which they come; null: from the start
   * @throws S3RefusedError, and other errors if the service fails
   */
  async list(bucket: string, prefix: string, after: string | null, limit: number): Promise<ListedObject[]> {
    const { Contents = [] } = await refusing(() =>
      this.#client.send(
        new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          MaxKeys: limit,
          ...(after !== null && { StartAfter: after }),
        }),
      ),
    );
    return Contents.flatMap(({ Key, Size }) => (Key === undefined ? [] : [{ key: Key, bytes: Size ?? 0 }]));
  }

  /** @returns null if it is larger. @throws as `list` */
  async get(bucket: string, key: string, maxBytes: number): Promise<Buffer | null> {
    return refusing(async () => {
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return readAtMost(Body as AsyncIterable<Buffer>, maxBytes);
    });
  }

  close(): void {
    this.#client.destroy();
  }
}

/** Errors of the request; timeouts and too many requests are the service's. */
async function refusing<Result>(request: () => Promise<Result>): Promise<Result> {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof S3ServiceException)) throw error;
    const status = error.$metadata.httpStatusCode ?? 500;
    if (status < 400 || status >= 500 || status === 408 || status === 429) throw error;
    throw new S3RefusedError(error.name, { cause: error });
  }
}

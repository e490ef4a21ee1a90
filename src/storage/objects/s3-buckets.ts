import type { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { Configuration } from '../../config/configuration.ts';
import { readAtMost } from '../../files/chunks.ts';
import { S3RefusedError } from './s3-refused-error.ts';
import { createClient, type Encryption, encryptionOf } from './s3-store.ts';

export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
}

/** An object to be written, with a name for what writes it */
export interface NewObject {
  readonly body: Uint8Array | Readable;
  readonly bytes: number;
  readonly contentType: string;
  readonly writer: string;
}

/** In the metadata of an object: says whether it may be replaced */
const WRITER = 'face-api-writer';

/** Reads and writes objects of others, at the S3 service of the store and with its credentials. */
export class S3Buckets {
  readonly #client: S3Client;
  readonly #encryption: Encryption;
  #hasConditions = true;

  constructor(settings: Configuration['s3']) {
    this.#client = createClient(settings, settings.endpoint);
    this.#encryption = encryptionOf(settings);
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

  /** @returns what wrote the object, '' if it was not this service; null: there is no such object. @throws as `list` */
  async writerOf(bucket: string, key: string): Promise<string | null> {
    return refusing(async () => {
      try {
        const { Metadata } = await this.#client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
        return Metadata?.[WRITER] ?? '';
      } catch (error) {
        if (statusOf(error) === 404) return null;
        throw error;
      }
    });
  }

  /**
   * @param replaces false: the object must not exist. Some services ignore this condition, others reject it, which is noticed.
   * @returns false if it is to be tried again: the object exists although it must not, somebody else writes it at this moment,
   *   or the service rejects conditions
   * @throws as `list`
   */
  async put(bucket: string, key: string, object: NewObject, replaces: boolean): Promise<boolean> {
    const isConditional = !replaces && this.#hasConditions;
    return refusing(async () => {
      try {
        await this.#client.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: key,
            Body: object.body,
            ContentLength: object.bytes,
            ContentType: object.contentType,
            Metadata: { [WRITER]: object.writer },
            ...(isConditional && { IfNoneMatch: '*' }),
            ...this.#encryption,
          }),
        );
        return true;
      } catch (error) {
        if (isConditional && statusOf(error) === NOT_IMPLEMENTED) this.#hasConditions = false;
        else if (![409, 412].includes(statusOf(error))) throw error;
        return false;
      }
    });
  }

  close(): void {
    this.#client.destroy();
  }
}

/** Of the response; 500: there was none. */
function statusOf(error: unknown): number {
  return error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 500) : 500;
}

const NOT_IMPLEMENTED = 501;

/** Errors of the request; timeouts and too many requests are the service's. */
async function refusing<Result>(request: () => Promise<Result>): Promise<Result> {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof S3ServiceException)) throw error;
    const status = statusOf(error);
    const isOfRequest =
      (status >= 400 && status < 500 && status !== 408 && status !== 429) || status === NOT_IMPLEMENTED;
    if (!isOfRequest) throw error;
    throw new S3RefusedError(error.name, { cause: error });
  }
}

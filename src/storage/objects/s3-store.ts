import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NotFound,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Configuration } from '../../config/configuration.ts';
import { assertKey } from './object-keys.ts';
import { ObjectStore, type StoredObject } from './object-store.ts';

const CONNECT_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 60_000;

/** Objects in a bucket of any service with the S3 protocol. The bucket must exist; it is not created. */
export class S3Store extends ObjectStore {
  readonly place: string;
  readonly publicOrigin: string;
  readonly #bucket: string;
  readonly #client: S3Client;
  readonly #signer: S3Client;
  readonly #encryption: Encryption;

  constructor(settings: Configuration['s3']) {
    super();
    this.#bucket = settings.bucket;
    this.#client = createClient(settings, settings.endpoint);
    // Browsers may need a different URL for the service than this process; the URL is part of the signature.
    this.#signer = settings.publicEndpoint === '' ? this.#client : createClient(settings, settings.publicEndpoint);
    this.#encryption = encryptionOf(settings);
    this.publicOrigin = originOf(settings);
    this.place = `the bucket ${settings.bucket}${settings.endpoint === '' ? '' : ` at ${settings.endpoint}`}`;
  }

  async put(key: string, bytes: Uint8Array, contentType: string): Promise<void> {
    assertKey(key);
    await this.#client.send(
      new PutObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        Body: bytes,
        ContentLength: bytes.byteLength,
        ContentType: contentType,
        ...this.#encryption,
      }),
    );
  }

  async get(key: string): Promise<Uint8Array | null> {
    assertKey(key);
    return nullIfAbsent(async () => {
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
      return Body ? Body.transformToByteArray() : new Uint8Array();
    });
  }

  async find(key: string): Promise<StoredObject | null> {
    assertKey(key);
    return nullIfAbsent(async () => {
      const head = await this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: key }));
      return { key, bytes: head.ContentLength ?? 0, modifiedAt: head.LastModified ?? new Date(0) };
    });
  }

  /** An interrupted put leaves nothing. */
  async holds(key: string): Promise<boolean> {
    return (await this.find(key)) !== null;
  }

  async delete(key: string): Promise<void> {
    assertKey(key);
    await nullIfAbsent(() => this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key })));
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    let token: string | undefined;
    do {
      const page = await this.#client.send(
        new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: prefix, ContinuationToken: token }),
      );
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        if (Key !== undefined) yield { key: Key, bytes: Size ?? 0, modifiedAt: LastModified ?? new Date(0) };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async temporaryUrl(key: string, seconds: number): Promise<string> {
    assertKey(key);
    const read = new GetObjectCommand({ Bucket: this.#bucket, Key: key });
    return getSignedUrl(this.#signer, read, { expiresIn: seconds });
  }

  async check(): Promise<void> {
    await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }));
  }

  close(): Promise<void> {
    this.#client.destroy();
    this.#signer.destroy();
    return Promise.resolve();
  }
}

/** Origin of the URLs for browsers */
function originOf({ publicEndpoint, endpoint, region, bucket, pathStyle }: Configuration['s3']): string {
  const service = new URL(publicEndpoint || endpoint || `https://s3.${region}.amazonaws.com`);
  if (!pathStyle) service.host = `${bucket}.${service.host}`;
  return service.origin;
}

export type Encryption = Pick<
  ConstructorParameters<typeof PutObjectCommand>[0],
  'ServerSideEncryption' | 'SSEKMSKeyId'
>;

export function encryptionOf({ encryption, kmsKeyId }: Configuration['s3']): Encryption {
  if (encryption === 'none') return {};
  return { ServerSideEncryption: encryption, ...(kmsKeyId !== '' && { SSEKMSKeyId: kmsKeyId }) };
}

export function createClient(settings: Configuration['s3'], endpoint: string): S3Client {
  const { region, accessKeyId, secretAccessKey, pathStyle } = settings;
  return new S3Client({
    region,
    forcePathStyle: pathStyle,
    ...(endpoint !== '' && { endpoint }),
    // Without keys, the SDK uses its default: the role of the machine, the pod or the user.
    ...(accessKeyId !== '' && { credentials: { accessKeyId, secretAccessKey } }),
    // Services other than Amazon's reject unknown checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    // The caller decides when to retry; retries of the SDK would only delay that.
    maxAttempts: 1,
  });
}

async function nullIfAbsent<Result>(request: () => Promise<Result>): Promise<Result | null> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof NotFound || error instanceof NoSuchKey) return null;
    // Not every service uses Amazon's names of errors. A missing bucket is a failure in any case.
    if (
      error instanceof S3ServiceException &&
      error.$metadata.httpStatusCode === 404 &&
      error.name !== 'NoSuchBucket'
    ) {
      return null;
    }
    throw error;
  }
}

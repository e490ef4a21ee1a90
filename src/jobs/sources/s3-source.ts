import type { Configuration } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import type { ListedObject, S3Buckets } from '../../storage/objects/s3-buckets.ts';
import { S3RefusedError } from '../../storage/objects/s3-refused-error.ts';
import { AllowedPlaces, type S3Place } from '../s3-place.ts';
import { isClutter, type SourceFile, tooLargeFile } from './source.ts';

const SCHEME = 's3://';
const OBJECTS_PER_PAGE = 1000;

export interface SourcePage {
  readonly files: readonly SourceFile[];
  /** Key after which the next page begins; null: this is the last one. */
  readonly next: string | null;
}

/** Images in buckets that the configuration allows. */
export class S3Source {
  readonly #allowed: AllowedPlaces;
  readonly #buckets: S3Buckets | null;
  readonly #maxFileBytes: number;
  readonly #pageSize: number;

  /** @param buckets null: no place is allowed */
  constructor(allowed: AllowedPlaces, buckets: S3Buckets | null, maxFileBytes: number, pageSize = OBJECTS_PER_PAGE) {
    this.#allowed = allowed;
    this.#buckets = buckets;
    this.#maxFileBytes = maxFileBytes;
    this.#pageSize = pageSize;
  }

  /** @throws ConfigurationError */
  static async open({ batches, s3, limits }: Configuration): Promise<S3Source> {
    const allowed = new AllowedPlaces(batches.s3Allow, s3.bucket);
    if (allowed.isEmpty) return new S3Source(allowed, null, limits.maxUploadBytes);
    // Only then: the SDK takes long to load.
    const { S3Buckets: Buckets } = await import('../../storage/objects/s3-buckets.ts');
    return new S3Source(allowed, new Buckets(s3), limits.maxUploadBytes);
  }

  /**
   * Checks a place before a batch is taken.
   * @throws DomainError invalid_option, bucket_not_allowed, invalid_request if it is empty; and the error of the service
   */
  async admit(given: S3Place): Promise<S3Place> {
    const place = this.#allowed.admit(given);
    const [first] = await this.#list(place, null);
    if (!first) throw noFiles();
    return place;
  }

  /** @throws as `admit` */
  async page(place: S3Place, after: string | null): Promise<SourcePage> {
    this.#allowed.admit(place);
    const objects = await this.#list(place, after);
    const files = objects.filter(({ key }) => !key.endsWith('/')).map((object) => this.#toFile(place, object));
    // A service may give fewer than it was asked for: only an empty page is the last one.
    return { files: files.filter(({ name }) => !isClutter(name)), next: objects.at(-1)?.key ?? null };
  }

  static names(url: string): boolean {
    return url.startsWith(SCHEME);
  }

  /** @throws DomainError bucket_not_allowed, fetch_failed, upload_too_large; and the error of the service */
  async read(url: string): Promise<Buffer> {
    const path = url.slice(SCHEME.length);
    const slash = path.indexOf('/');
    const [bucket, key] = [path.slice(0, slash), path.slice(slash + 1)];
    this.#allowed.admit({ bucket, prefix: key.slice(0, key.lastIndexOf('/') + 1) });
    const bytes = await refusing(() => this.#buckets!.get(bucket, key, this.#maxFileBytes));
    if (!bytes) throw new DomainError('upload_too_large', tooLargeFile(this.#maxFileBytes).detail);
    return bytes;
  }

  close(): void {
    this.#buckets?.close();
  }

  #list({ bucket, prefix }: S3Place, after: string | null): Promise<ListedObject[]> {
    return refusing(() => this.#buckets!.list(bucket, prefix, after, this.#pageSize));
  }

  #toFile({ bucket, prefix }: S3Place, { key, bytes }: ListedObject): SourceFile {
    const name = key.slice(prefix.length);
    if (bytes > this.#maxFileBytes) return { name, error: tooLargeFile(this.#maxFileBytes) };
    return { name, url: `${SCHEME}${bucket}/${key}` };
  }
}

export function noFiles(): DomainError {
  return new DomainError('invalid_request', 'source: there are no files below this prefix');
}

async function refusing<Result>(request: () => Promise<Result>): Promise<Result> {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof S3RefusedError)) throw error;
    throw new DomainError('fetch_failed', `source: the S3 service refused to read it: ${error.message}`, {
      cause: error,
    });
  }
}

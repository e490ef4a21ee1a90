import type { Configuration } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import type { NewObject, S3Buckets } from '../../storage/objects/s3-buckets.ts';
import { S3RefusedError } from '../../storage/objects/s3-refused-error.ts';
import { AllowedPlaces, overlap, type S3Place, toUrl, WRITING } from '../s3-place.ts';
import { MANIFEST } from './result-names.ts';

/** Somebody may have written the object at the same time: another attempt sees what it is. */
export class OutputChangedError extends Error {}

/** Results in buckets that the configuration allows. Nothing is replaced that the same writer has not written. */
export class S3Output {
  readonly #allowed: AllowedPlaces;
  readonly #buckets: S3Buckets | null;

  /** @param buckets null: no place is allowed */
  constructor(allowed: AllowedPlaces, buckets: S3Buckets | null) {
    this.#allowed = allowed;
    this.#buckets = buckets;
  }

  /** @throws ConfigurationError */
  static async open({ batches, s3 }: Configuration): Promise<S3Output> {
    const allowed = new AllowedPlaces(batches.s3OutputAllow, s3.bucket, WRITING);
    if (allowed.isEmpty) return new S3Output(allowed, null);
    // Only then: the SDK takes long to load.
    const { S3Buckets: Buckets } = await import('../../storage/objects/s3-buckets.ts');
    return new S3Output(allowed, new Buckets(s3));
  }

  /**
   * Checks a place before a batch is taken.
   * @param source of the same batch: results must not be read as images, nor replace them
   * @throws DomainError invalid_option, bucket_not_allowed, output_overlaps_source
   */
  admit(given: S3Place, source: S3Place | undefined): S3Place {
    const place = this.#allowed.admit(given);
    if (source && overlap(place, source)) {
      throw new DomainError(
        'output_overlaps_source',
        `output: ${toUrl(place)} and the source ${toUrl(source)} overlap. Choose a prefix outside of the source`,
      );
    }
    return place;
  }

  /**
   * Whether the results of a batch are there already.
   * @throws DomainError output_failed if there is no such bucket; and the error of the service
   */
  async hasManifest({ bucket, prefix }: S3Place): Promise<boolean> {
    const key = prefix + MANIFEST;
    const found = await refusing(() => this.#buckets!.list(bucket, key, null, 1));
    return found.some((object) => object.key === key);
  }

  /**
   * Writes an object, once: an object of the same writer is left by an attempt that was interrupted, and replaced.
   * @param mayReplace whether this is still the latest attempt
   * @throws DomainError bucket_not_allowed, output_exists, output_failed; OutputChangedError; and the error of the service
   */
  async put(place: S3Place, key: string, object: NewObject, mayReplace: () => Promise<boolean>): Promise<void> {
    const { bucket } = this.#allowed.admit(place);
    // Services without conditional puts would replace the object: therefore, it is looked for first.
    const writer = await refusing(() => this.#buckets!.writerOf(bucket, key));
    if (writer !== null && writer !== object.writer) throw outputExists(toUrl({ bucket, prefix: key }));
    if (writer !== null && !(await mayReplace()))
      throw new OutputChangedError('A later attempt has written the object');
    const isWritten = await refusing(() => this.#buckets!.put(bucket, key, object, writer !== null));
    if (!isWritten) throw new OutputChangedError('The object was not written: it is looked for again');
  }

  close(): void {
    this.#buckets?.close();
  }
}

export function outputExists(url: string): DomainError {
  return new DomainError('output_exists', `output: ${url} exists already, and is not replaced. Choose another prefix`);
}

async function refusing<Result>(request: () => Promise<Result>): Promise<Result> {
  try {
    return await request();
  } catch (error) {
    if (!(error instanceof S3RefusedError)) throw error;
    throw new DomainError('output_failed', `output: the S3 service refused to write it: ${error.message}`, {
      cause: error,
    });
  }
}

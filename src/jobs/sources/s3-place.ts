import { ConfigurationError } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { BATCHES, STORED_IMAGES } from '../../storage/objects/object-keys.ts';

/** A folder in a bucket: the prefix is empty or ends with a slash. */
export interface S3Place {
  readonly bucket: string;
  readonly prefix: string;
}

const BUCKET = /^[a-z0-9][a-z0-9._-]{1,62}$/;
const MAX_PREFIX_BYTES = 900;

/** @returns null if it cannot be one. A prefix names a folder: `press` does not reach into `press-secret/`. */
export function toPlace({ bucket, prefix }: S3Place): S3Place | null {
  const folder = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
  const segments = folder.split('/').slice(0, -1);
  // Some services store objects as files, and would read these as paths.
  const isPlain = segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  const isText = !/\p{Cc}/u.test(folder) && folder.isWellFormed() && Buffer.byteLength(folder) <= MAX_PREFIX_BYTES;
  return BUCKET.test(bucket) && isPlain && isText ? { bucket, prefix: folder } : null;
}

/** The places that FACE_API_BATCH_S3_ALLOW names */
export class AllowedPlaces {
  readonly #places: readonly S3Place[];

  /**
   * @param entries each `bucket` or `bucket/prefix`
   * @param storeBucket of the service itself; '': it has none
   * @throws ConfigurationError
   */
  constructor(entries: readonly string[], storeBucket: string) {
    this.#places = entries.map((entry) => readEntry(entry, storeBucket));
  }

  get isEmpty(): boolean {
    return this.#places.length === 0;
  }

  contain({ bucket, prefix }: S3Place): boolean {
    return this.#places.some((allowed) => allowed.bucket === bucket && prefix.startsWith(allowed.prefix));
  }

  /** @throws DomainError invalid_option, bucket_not_allowed */
  admit(given: S3Place): S3Place {
    const place = toPlace(given);
    if (!place) {
      throw new DomainError(
        'invalid_option',
        'source: expected: the name of a bucket and the prefix of a folder in it, such as {"s3": {"bucket": "photos", "prefix": "2026/"}}',
      );
    }
    if (!this.contain(place)) {
      throw new DomainError(
        'bucket_not_allowed',
        'source: the service must not read this bucket or prefix. Ask its operator to allow it (FACE_API_BATCH_S3_ALLOW)',
      );
    }
    return place;
  }
}

function readEntry(entry: string, storeBucket: string): S3Place {
  const [bucket = '', ...rest] = entry.split('/');
  const place = toPlace({ bucket, prefix: rest.join('/') });
  if (!place)
    throw new ConfigurationError(`FACE_API_BATCH_S3_ALLOW: ${entry} is not of the form bucket or bucket/prefix`);
  const isOwn = ({ prefix }: S3Place, own: string) => prefix.startsWith(own) || own.startsWith(prefix);
  if (bucket === storeBucket && [...STORED_IMAGES, BATCHES].some((own) => isOwn(place, own))) {
    throw new ConfigurationError(
      `FACE_API_BATCH_S3_ALLOW: ${entry} contains the images that the service stores for all API keys. Name another prefix or bucket`,
    );
  }
  return place;
}

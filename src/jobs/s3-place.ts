import { ConfigurationError } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import { BATCHES, STORED_IMAGES } from '../storage/objects/object-keys.ts';

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

/** What a place is for: reading it is allowed by another setting than writing. */
export interface PlaceUse {
  readonly field: 'source' | 'output';
  readonly verb: 'read' | 'write to';
  readonly setting: string;
}

export const READING: PlaceUse = { field: 'source', verb: 'read', setting: 'FACE_API_BATCH_S3_ALLOW' };
export const WRITING: PlaceUse = { field: 'output', verb: 'write to', setting: 'FACE_API_BATCH_S3_OUTPUT_ALLOW' };

/** Whether one of them is the other or contains it. */
export function overlap(one: S3Place, other: S3Place): boolean {
  return one.bucket === other.bucket && (one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix));
}

export function toUrl({ bucket, prefix }: S3Place): string {
  return `s3://${bucket}/${prefix}`;
}

/** The places that a setting names */
export class AllowedPlaces {
  readonly #places: readonly S3Place[];
  readonly #use: PlaceUse;

  /**
   * @param entries each `bucket` or `bucket/prefix`
   * @param storeBucket of the service itself; '': it has none
   * @throws ConfigurationError
   */
  constructor(entries: readonly string[], storeBucket: string, use = READING) {
    this.#places = entries.map((entry) => readEntry(entry, storeBucket, use.setting));
    this.#use = use;
  }

  get isEmpty(): boolean {
    return this.#places.length === 0;
  }

  contain({ bucket, prefix }: S3Place): boolean {
    return this.#places.some((allowed) => allowed.bucket === bucket && prefix.startsWith(allowed.prefix));
  }

  /** @throws DomainError invalid_option, bucket_not_allowed */
  admit(given: S3Place): S3Place {
    const { field, verb, setting } = this.#use;
    const place = toPlace(given);
    if (!place) {
      throw new DomainError(
        'invalid_option',
        `${field}: expected: the name of a bucket and the prefix of a folder in it, such as {"s3": {"bucket": "photos", "prefix": "2026/"}}`,
      );
    }
    if (!this.contain(place)) {
      throw new DomainError(
        'bucket_not_allowed',
        `${field}: the service must not ${verb} this bucket or prefix. Ask its operator to allow it (${setting})`,
      );
    }
    return place;
  }
}

function readEntry(entry: string, storeBucket: string, setting: string): S3Place {
  const [bucket = '', ...rest] = entry.split('/');
  const place = toPlace({ bucket, prefix: rest.join('/') });
  if (!place) throw new ConfigurationError(`${setting}: ${entry} is not of the form bucket or bucket/prefix`);
  if ([...STORED_IMAGES, BATCHES].some((own) => overlap(place, { bucket: storeBucket, prefix: own }))) {
    throw new ConfigurationError(
      `${setting}: ${entry} contains the images that the service stores for all API keys. Name another prefix or bucket`,
    );
  }
  return place;
}

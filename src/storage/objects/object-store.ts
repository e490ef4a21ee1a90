/** Metadata of an object */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/**
 * Stores the bytes of images: in a folder, or in a bucket of an S3 service. Also the injection token.
 * A key is a path of plain names, as `object-keys.ts` makes them; any other causes an error.
 */
export abstract class ObjectStore {
  /** Location of the objects, for the log and the console. */
  abstract readonly place: string;
  /** Origin of temporary URLs; null: this service. */
  abstract readonly publicOrigin: string | null;

  /** When it resolves, the object is stored in full, even if the machine fails. Until then, the key is unchanged. */
  abstract put(key: string, bytes: Uint8Array, contentType: string): Promise<void>;

  /** Null: there is no such object. */
  abstract get(key: string): Promise<Uint8Array | null>;

  /** Null: there is no such object. */
  abstract find(key: string): Promise<StoredObject | null>;

  /** Whether any bytes of the object are stored, including those of an interrupted put. */
  abstract holds(key: string): Promise<boolean>;

  /** Also deletes what interrupted puts left. Deleting an object that does not exist is no error. */
  abstract delete(key: string): Promise<void>;

  /**
   * All objects whose key starts with `prefix` (a whole path, such as `originals/`), in no particular order. What
   * an interrupted put left is listed as an object with its own key, which no row names.
   */
  abstract list(prefix: string): AsyncIterable<StoredObject>;

  /** A URL with which a browser can read the object for so many seconds. It may be relative to the service. */
  abstract temporaryUrl(key: string, seconds: number): Promise<string>;

  /** @throws an error with the reason if objects cannot be stored at the moment */
  abstract check(): Promise<void>;

  abstract close(): Promise<void>;
}

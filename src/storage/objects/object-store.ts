/** What is known of an object without reading it. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/**
 * Where the bytes of images are kept: a folder, or a bucket of an S3 service. Also the token it is injected by.
 * A key is a path of plain names, as `object-keys.ts` makes them; any other is refused with an error.
 */
export abstract class ObjectStore {
  /** For the log and the console: where the objects are. */
  abstract readonly place: string;
  /** Where temporary addresses lead; null: to this service. */
  abstract readonly publicOrigin: string | null;

  /** When it resolves, the object is kept whole, even if the machine fails; before, the key shows nothing or what it showed. */
  abstract put(key: string, bytes: Uint8Array, contentType: string): Promise<void>;

  /** Null: there is no such object. */
  abstract get(key: string): Promise<Uint8Array | null>;

  /** Null: there is no such object. */
  abstract find(key: string): Promise<StoredObject | null>;

  /** Whether any byte of the object is there, also one of a put that was cut off. */
  abstract holds(key: string): Promise<boolean>;

  /** Also what puts that were cut off left of it. Deleting what is not there is no error: it is not there. */
  abstract delete(key: string): Promise<void>;

  /**
   * All objects whose key starts with `prefix` (a whole path, such as `originals/`), in no particular order. What puts
   * left that were cut off is listed as an object of its own, which nothing names.
   */
  abstract list(prefix: string): AsyncIterable<StoredObject>;

  /** An address from which a browser may read the object for so many seconds. It may be relative to the service. */
  abstract temporaryUrl(key: string, seconds: number): Promise<string>;

  /** @throws an error that says what is wrong, if objects can't be stored at present */
  abstract check(): Promise<void>;

  abstract close(): Promise<void>;
}

/** A response as the handler made it */
export interface Reply {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The body is the text of a JSON value, which the handler returned as an object. */
  readonly isJson: boolean;
}

/** A request with an idempotency key */
export interface KeyedRequest {
  /** SHA-256 of the key, of who sent it and of the operation, in hexadecimal */
  readonly digest: string;
  /** SHA-256 of everything that decides about the response */
  readonly fingerprint: string;
  /** SHA-256 of the image: erasing the image erases the response as well. */
  readonly imageSha256: string;
}

/**
 * new: the caller processes the request, then calls `complete` or `release`; running: the first one is still being
 * processed; other: the key was used for a different request.
 */
export type Claim = { readonly state: 'new' | 'running' | 'other' } | { readonly state: 'done'; readonly reply: Reply };

/** Stores the responses to requests with an idempotency key. Also the injection token, whether storage is on or off. */
export abstract class Replays {
  abstract readonly isOn: boolean;
  /**
   * @param forMs how long the request may take; later, its process is taken for dead, and the key is free again
   * @throws DomainError storage_unavailable
   */
  abstract claim(request: KeyedRequest, forMs: number): Promise<Claim>;
  /** @throws DomainError storage_unavailable */
  abstract complete(request: KeyedRequest, reply: Reply): Promise<void>;
  /** The request failed: a repetition is processed anew. */
  abstract release(request: KeyedRequest): Promise<void>;
}

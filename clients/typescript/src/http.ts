import { FaceApiError, toFaceApiError, UnreachableError } from './errors.ts';
import { sleep } from './sleep.ts';

export interface ClientOptions {
  /** URL of the service, such as `http://localhost:8000` */
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** Maximum number of retries of a request that was rejected with 429 or 503, or that got no response. Default: 5 */
  readonly retries?: number | undefined;
  /** Maximum wait in milliseconds that the service may ask for; beyond it, its error is thrown. Default: 60,000 */
  readonly maxRetryAfterMs?: number | undefined;
}

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** The service processes requests with the same key and content once: see Idempotency-Key in the API */
  readonly idempotencyKey?: string | undefined;
}

export interface Call extends RequestOptions {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** Below `/api/v1/` */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | null | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text is JSON. */
  readonly body?: FormData | string;
}

const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
const RETRIED_STATUSES = [429, 503];

/** Sends requests, and repeats those that may succeed later. */
export class Http {
  readonly #root: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #retries: number;
  readonly #maxRetryAfterMs: number;

  constructor({ url, apiKey, retries = 5, maxRetryAfterMs = 60_000 }: ClientOptions) {
    this.#root = `${url.replace(/\/+$/, '')}/api/v1/`;
    this.#headers = apiKey === undefined ? {} : { 'x-api-key': apiKey };
    this.#retries = retries;
    this.#maxRetryAfterMs = maxRetryAfterMs;
  }

  json<Body>(call: Call): Promise<Body> {
    return this.send({ ...call, headers: { accept: 'application/json' } }, async (response) => {
      const type = response.headers.get('content-type');
      if (type?.startsWith('application/json')) return (await response.json()) as Body;
      throw new Error(`${response.url} did not respond with JSON. Is it the URL of a Face API service?`);
    });
  }

  /**
   * @param read reads the response; if the connection is closed meanwhile, the request is repeated
   * @throws FaceApiError, UnreachableError, the reason of the signal
   */
  async send<Result>(call: Call, read: (response: Response) => Result | Promise<Result>): Promise<Result> {
    const { signal } = call;
    for (let retry = 0; ; retry++) {
      const request = this.#toRequest(call);
      try {
        const response = await fetch(request);
        if (response.ok) return await read(response);
        throw await toFaceApiError(response);
      } catch (thrown) {
        signal?.throwIfAborted();
        const error = asUnreachable(thrown, request.url);
        if (retry >= this.#retries || !this.#isRetried(error)) throw error;
        await sleep(waitMs(error, retry), signal);
      }
    }
  }

  #toRequest({ method = 'GET', path, query = {}, headers, body, signal, idempotencyKey }: Call): Request {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) parameters.set(name, String(value));
    }
    const search = parameters.toString();
    return new Request(`${this.#root}${path}${search && `?${search}`}`, {
      method,
      headers: {
        ...this.#headers,
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
        ...(typeof body === 'string' && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body ?? null,
      signal: signal ?? null,
    });
  }

  #isRetried(error: unknown): boolean {
    if (!(error instanceof FaceApiError)) return error instanceof UnreachableError;
    // An attempt whose response was lost may still be running under the same idempotency key.
    const isTemporary = RETRIED_STATUSES.includes(error.status) || error.code === 'already_running';
    return isTemporary && (error.retryAfterMs ?? 0) <= this.#maxRetryAfterMs;
  }
}

/** `fetch` rejects with a TypeError if the connection fails. */
export function asUnreachable(error: unknown, url: string): unknown {
  if (!(error instanceof TypeError)) return error;
  return new UnreachableError(`No response from ${new URL(url).origin}. Check the URL, and whether the service runs`, {
    cause: error,
  });
}

/** What the service asks for, and then longer each time and partly random, so that many clients do not return together. */
function waitMs(error: unknown, retry: number): number {
  const asked = error instanceof FaceApiError ? (error.retryAfterMs ?? 0) : 0;
  return asked + Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** retry) * Math.random();
}

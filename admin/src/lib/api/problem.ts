/** A failed request: the problem that the service returned (RFC 9457), or the error of the browser. */
export class Problem extends Error {
  /** Such as `storage-off`; `unreachable` without a response. */
  readonly code: string;
  readonly title: string;
  /** 0 without a response. */
  readonly status: number;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(members: {
    code: string;
    title: string;
    detail: string;
    status: number;
    requestId?: string | undefined;
    retryAfterSeconds?: number | undefined;
  }) {
    super(members.detail);
    this.code = members.code;
    this.title = members.title;
    this.status = members.status;
    this.requestId = members.requestId;
    this.retryAfterSeconds = members.retryAfterSeconds;
  }

  /** Whether the same request may succeed later. */
  get mayPass(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

const PREFIX = 'urn:face-api:problem:';

/** @param body the JSON of the response; undefined if it is not JSON */
export function toProblem(response: Response, body: unknown): Problem {
  const { type, title, detail, request_id } = (typeof body === 'object' && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  const retryAfter = Number(response.headers.get('retry-after') ?? NaN);
  return new Problem({
    code: typeof type === 'string' && type.startsWith(PREFIX) ? type.slice(PREFIX.length) : `http-${response.status}`,
    title: typeof title === 'string' ? title : `Status ${response.status}`,
    detail: typeof detail === 'string' ? detail : 'The response of the service is not valid.',
    status: response.status,
    requestId: typeof request_id === 'string' ? request_id : undefined,
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
  });
}

/** Converts an error to a problem; throws errors of aborted requests again. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError) {
    return new Problem({
      code: 'unreachable',
      title: 'Service unreachable',
      detail: 'Check that the service is running and reachable from this browser, then try again.',
      status: 0,
    });
  }
  throw error;
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** The body of the response as JSON; undefined if it is not JSON. */
export async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not JSON, such as an error page of a proxy: the caller handles it.
    return undefined;
  }
}

/** What went wrong with a request, as the service told it (RFC 9457), or as the browser saw it where it told nothing. */
export class Problem extends Error {
  /** Such as `storage-off`; `unreachable` where no answer came. */
  readonly code: string;
  readonly title: string;
  /** 0 where no answer came. */
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
}

const PREFIX = 'urn:face-api:problem:';

/** @param body the answer's JSON, or undefined where it was none */
export function toProblem(response: Response, body: unknown): Problem {
  const { type, title, detail, request_id } = (typeof body === 'object' && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  const retryAfter = Number(response.headers.get('retry-after') ?? NaN);
  return new Problem({
    code: typeof type === 'string' && type.startsWith(PREFIX) ? type.slice(PREFIX.length) : `http-${response.status}`,
    title: typeof title === 'string' ? title : `Answer ${response.status}`,
    detail: typeof detail === 'string' ? detail : 'The service answered something that this page does not understand.',
    status: response.status,
    requestId: typeof request_id === 'string' ? request_id : undefined,
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
  });
}

/** An aborted request is no problem: pass it on. Whatever else was thrown becomes one. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError) {
    return new Problem({
      code: 'unreachable',
      title: 'The service does not answer',
      detail: 'Check that it runs and that this browser can reach it, then try again.',
      status: 0,
    });
  }
  throw error;
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** The answer's body as JSON, or undefined where it is none. */
export async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not JSON, as from a proxy in between: the caller says so.
    return undefined;
  }
}

import type { Problem } from './types.ts';

const TYPE_PREFIX = 'urn:face-api:problem:';

/** The service rejected a request, or failed to process it. The message says what to change. */
export class FaceApiError extends Error {
  override readonly name = 'FaceApiError';
  /** HTTP status */
  readonly status: number;
  /** Problem details (RFC 9457); null: the response has none, as that of a proxy */
  readonly problem: Problem | null;
  /** The wait in milliseconds that the response asks for; null: none */
  readonly retryAfterMs: number | null;

  constructor(message: string, status: number, problem: Problem | null, retryAfterMs: number | null) {
    super(message);
    this.status = status;
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }

  /** Stable name of the kind of problem, such as `invalid_option`; null: the response has no problem details */
  get code(): string | null {
    return this.problem && this.problem.type.replace(TYPE_PREFIX, '').replaceAll('-', '_');
  }
}

/** There was no response: the service cannot be reached, or the connection was closed. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** Reads the response to a request that failed. */
export async function toFaceApiError(response: Response): Promise<FaceApiError> {
  const problem = parseProblem(await response.text());
  const message = problem?.detail ?? `${response.url} responded with status ${response.status} and no problem details`;
  return new FaceApiError(message, response.status, problem, parseRetryAfter(response.headers.get('retry-after')));
}

function parseProblem(text: string): Problem | null {
  try {
    const body = JSON.parse(text) as Partial<Problem> | null;
    return typeof body?.type === 'string' && typeof body.detail === 'string' ? (body as Problem) : null;
  } catch {
    // Not of the service: a page of a proxy
    return null;
  }
}

/** Seconds, or a date (RFC 9110, 10.2.3) */
function parseRetryAfter(value: string | null): number | null {
  if (value === null) return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

/** Every way a request can fail: the only place where a status code and a title are chosen. */
export const problems = {
  invalid_option: { status: 400, title: 'An option is not valid' },
  invalid_request: { status: 400, title: 'The request is not valid' },
  unauthorized: { status: 401, title: 'Who asks is not known' },
  foreign_origin: { status: 403, title: 'The request comes from another site' },
  not_found: { status: 404, title: 'There is nothing at this address' },
  request_incomplete: { status: 408, title: 'The request did not arrive in time' },
  upload_too_large: { status: 413, title: 'The upload has too many bytes' },
  too_many_pixels: { status: 413, title: 'The image has too many pixels' },
  unsupported_content_type: { status: 415, title: 'The request body is of a type that is not taken' },
  unsupported_image: { status: 415, title: 'The image is of a type that is not taken' },
  undecodable_image: { status: 422, title: 'The image cannot be decoded' },
  storage_off: { status: 409, title: 'Storage is off' },
  already_running: { status: 409, title: 'It runs already' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  header_too_large: { status: 431, title: 'The head of the request is too long' },
  client_closed_request: { status: 499, title: 'The client hung up' },
  internal: { status: 500, title: 'The service failed' },
  busy: { status: 503, title: 'All request slots are taken' },
  not_ready: { status: 503, title: 'The service is not ready' },
  storage_full: { status: 503, title: 'There is no room to keep the image' },
  storage_unavailable: { status: 503, title: 'What is stored cannot be reached' },
  deadline_exceeded: { status: 504, title: 'The request took too long' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof problems;

/**
 * A failure that the caller may be told of. The message becomes the problem's `detail`: it says what to change
 * and holds nothing internal.
 */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, detail: string, options: { cause?: unknown; headers?: Record<string, string> } = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DomainError';
    this.code = code;
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return problems[this.code].status;
  }
}

/** All errors of requests: the only place that defines their status codes and titles. */
export const problems = {
  invalid_option: { status: 400, title: 'Invalid option' },
  invalid_request: { status: 400, title: 'Invalid request' },
  unauthorized: { status: 401, title: 'Authentication required' },
  forbidden: { status: 403, title: 'Not allowed' },
  foreign_origin: { status: 403, title: 'Request from another site' },
  url_not_allowed: { status: 403, title: 'URL not allowed' },
  bucket_not_allowed: { status: 403, title: 'Bucket not allowed' },
  not_found: { status: 404, title: 'Not found' },
  request_incomplete: { status: 408, title: 'Request timeout' },
  upload_too_large: { status: 413, title: 'Upload too large' },
  too_many_pixels: { status: 413, title: 'Image too large' },
  unsupported_content_type: { status: 415, title: 'Unsupported content type' },
  unsupported_image: { status: 415, title: 'Unsupported image type' },
  idempotency_mismatch: { status: 422, title: 'Idempotency key already used' },
  undecodable_image: { status: 422, title: 'Image cannot be decoded' },
  unknown_faces: { status: 422, title: 'Faces to keep not found' },
  fetch_failed: { status: 422, title: 'URL cannot be fetched' },
  output_overlaps_source: { status: 422, title: 'Output overlaps the source' },
  output_failed: { status: 422, title: 'Output cannot be written' },
  version_conflict: { status: 409, title: 'Newer version exists' },
  claimed: { status: 409, title: 'Somebody works on this image' },
  storage_off: { status: 409, title: 'Storage is off' },
  already_running: { status: 409, title: 'Already running' },
  batch_active: { status: 409, title: 'Batch still active' },
  output_exists: { status: 409, title: 'Output already exists' },
  results_in_s3: { status: 409, title: 'Results are in S3' },
  range_not_satisfiable: { status: 416, title: 'Range not satisfiable' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  header_too_large: { status: 431, title: 'Request headers too large' },
  client_closed_request: { status: 499, title: 'Client closed the connection' },
  internal: { status: 500, title: 'Internal error' },
  busy: { status: 503, title: 'Service busy' },
  not_ready: { status: 503, title: 'Service not ready' },
  storage_full: { status: 503, title: 'Storage full' },
  storage_unavailable: { status: 503, title: 'Storage unavailable' },
  deadline_exceeded: { status: 504, title: 'Processing timeout' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof problems;

/**
 * An error that the client may see. The message becomes the `detail` of the problem: it says what to change
 * and contains nothing internal.
 */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;
  /** Extension members of the problem */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    detail: string,
    options: { cause?: unknown; headers?: Record<string, string>; members?: Record<string, unknown> } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DomainError';
    this.code = code;
    this.headers = options.headers ?? {};
    this.members = options.members ?? {};
  }

  get status(): number {
    return problems[this.code].status;
  }
}

import { Injectable } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import { AllowList } from './allow-list.ts';
import { FetchGuard } from './fetch-guard.ts';
import { type Answer, guardedRequest } from './guarded-request.ts';
import { TemporaryFetchError } from './temporary-fetch-error.ts';

const MAX_REDIRECTS = 3;
/** What servers say of images, and of files of which they know nothing */
const IMAGE_TYPES = /^(image\/|application\/octet-stream|binary\/octet-stream)/i;
// Not compressed: the limit is on what is received.
const HEADERS = { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'face-api' };

/** Fetches images from the URLs of callers. */
@Injectable()
export class ImageFetcher {
  private readonly guard: FetchGuard | null;

  constructor(private readonly configuration: Configuration) {
    const allowed = AllowList.ofSetting('FACE_API_FETCH_ALLOW', configuration.fetching.allow);
    this.guard = allowed.isEmpty ? null : new FetchGuard(allowed);
  }

  /** @throws DomainError of FetchGuard and guardedRequest, unsupported_image, and the reason of the signal */
  async fetch(text: string, signal: AbortSignal): Promise<Buffer> {
    const { guard } = this;
    if (!guard) {
      throw new DomainError('url_not_allowed', 'url: fetching is off (FACE_API_FETCH_ALLOW). Send the image itself');
    }
    const limits = {
      maxBytes: this.configuration.limits.maxUploadBytes,
      timeoutMs: this.configuration.fetching.timeoutMs,
    };
    let next = text;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const admitted = await guard.admit(next);
      const answer = await guardedRequest(admitted, { method: 'GET', headers: HEADERS }, limits, signal, refuseOthers);
      const location = redirectOf(answer, admitted.url);
      if (location === null) return answer.body;
      next = location;
    }
    throw new DomainError(
      'fetch_failed',
      `url: more than ${MAX_REDIRECTS} redirects. Give the URL of the image itself`,
    );
  }
}

/** Before the body is read */
function refuseOthers({ status, headers }: Omit<Answer, 'body'>): void {
  if (isRedirect(status)) return;
  if (status !== 200) {
    const detail = `url: its server responded with status ${status}`;
    throw isTemporary(status) ? new TemporaryFetchError(detail) : new DomainError('fetch_failed', detail);
  }
  const type = headers['content-type'];
  if (typeof type === 'string' && !IMAGE_TYPES.test(type)) {
    throw new DomainError('unsupported_image', 'url: its server says that it is no image. Give the URL of an image');
  }
}

/** Request timeout, too many requests, and errors of the server */
function isTemporary(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** Each is checked like the first. */
function redirectOf({ status, headers }: Answer, from: URL): string | null {
  if (!isRedirect(status)) return null;
  const location = URL.parse(String(headers['location']), from.href);
  if (typeof headers['location'] !== 'string' || !location) {
    throw new DomainError('fetch_failed', 'url: its server redirects to nowhere. Give the URL of the image itself');
  }
  return location.href;
}

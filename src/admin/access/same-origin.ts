import type { FastifyRequest } from 'fastify';
import { DomainError } from '../../errors/domain-error.ts';

/**
 * Browsers send the origin of a request, and pages cannot change it: `Sec-Fetch-Site` over HTTPS and on
 * localhost, `Origin` everywhere else. A client that sends neither is not a browser and must not use a cookie.
 * Compares hosts, not schemes: behind a proxy that terminates TLS, the service may see only http.
 * @throws DomainError foreign_origin
 */
export function assertSameOrigin(request: FastifyRequest): void {
  const { origin, 'sec-fetch-site': site } = request.headers;
  const isOwn = site === undefined ? hostOf(origin) === request.host : site === 'same-origin';
  if (!isOwn) {
    throw new DomainError(
      'foreign_origin',
      'Only the pages of the console may send this request. Programs use a bearer token (FACE_API_ADMIN_TOKENS)',
    );
  }
}

function hostOf(origin: string | undefined): string | null {
  return origin !== undefined && URL.canParse(origin) ? new URL(origin).host : null;
}

import type { FastifyRequest } from 'fastify';
import { DomainError } from '../../errors/domain-error.ts';

/**
 * A browser says where a request comes from, and no page can make it say otherwise: `Sec-Fetch-Site` over HTTPS and on
 * localhost, `Origin` everywhere else. What says neither is not a browser, and has no business with a cookie.
 * Hosts are compared, not schemes: behind a proxy that ends TLS, the service may know no better than http.
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

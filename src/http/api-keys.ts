import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';
import { routeOf } from './route.ts';

interface ApiKey {
  readonly name: string;
  readonly secret: string;
}

/**
 * Requires one of the keys, as `X-API-Key` or as a bearer token, for the routes that `isGuarded` selects. The key is
 * checked before the body is read.
 */
export function registerApiKeys(
  fastify: FastifyInstance,
  keys: readonly ApiKey[],
  isGuarded: (route: string) => boolean,
): void {
  if (keys.length === 0) return;
  const digests = keys.map(({ name, secret }) => ({ name, digest: sha256(secret) }));
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (!isGuarded(routeOf(request))) {
      done();
      return;
    }
    const given = sha256(givenKey(request));
    // All digests are compared, so that the time taken reveals nothing about them.
    const matching = digests.filter(({ digest }) => timingSafeEqual(digest, given));
    request.context.apiKeyName = matching[0]?.name ?? null;
    if (matching.length > 0) done();
    else {
      done(
        new DomainError('unauthorized', 'Send a valid API key in the header X-API-Key, or as a bearer token', {
          headers: { 'www-authenticate': 'Bearer' },
        }),
      );
    }
  });
}

function givenKey({ headers }: FastifyRequest): string {
  const key = headers['x-api-key'];
  if (typeof key === 'string') return key;
  return /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

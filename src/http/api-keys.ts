import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';
import { routeOf } from './route.ts';

interface ApiKey {
  readonly name: string;
  readonly secret: string;
}

/**
 * Asks requests to the routes that `isGuarded` names for one of the keys, as `X-API-Key` or as a bearer token, before
 * their body is read.
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
    // Every digest is compared, so that the time taken says nothing about which key came near.
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

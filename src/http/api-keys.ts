import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Configuration } from '../config/configuration.ts';
import type { Scope } from '../config/settings.ts';
import { DomainError } from '../errors/domain-error.ts';
import { routeOf } from './route.ts';

/** Of keys without scopes of their own, and of requests if no key is required */
const DEFAULT_SCOPES: readonly Scope[] = ['mask', 'detect'];

/**
 * The scope that each part of the API or each route needs; any: every key may use it. A route that is in none of these
 * is forbidden to every key.
 */
const NEEDED: Readonly<Record<string, Scope | 'any'>> = {
  '/api/v1/detect': 'detect',
  '/api/v1/mask': 'mask',
  // The form of a new batch says what it needs.
  '/api/v1/jobs': 'any',
  '/api/v1/receipts': 'any',
  // Whether a correction makes a face visible, which needs `unmask`, is decided by its masks.
  '/api/v1/images/:id/masks': 'review',
  '/api/v1/images/:id/result': 'any',
};

/**
 * Requires one of the keys, as `X-API-Key` or as a bearer token, for the routes that `isGuarded` selects, and the scope
 * that the route needs. The key is checked before the body is read.
 */
export function registerApiKeys(
  fastify: FastifyInstance,
  { apiKeys, apiKeyScopes }: Configuration['security'],
  isGuarded: (route: string) => boolean,
): void {
  const scopesOf = new Map(apiKeyScopes.map(({ name, scopes }) => [name, scopes]));
  const digests = apiKeys.map(({ name, secret }) => ({ name, digest: sha256(secret) }));
  fastify.addHook('onRequest', (request, _reply, done) => {
    const route = routeOf(request);
    if (!isGuarded(route)) {
      done();
      return;
    }
    const name = nameOfKey(request, digests);
    if (name === null && digests.length > 0) {
      done(noValidKey());
      return;
    }
    request.context.apiKeyName = name;
    request.context.scopes = (name === null ? undefined : scopesOf.get(name)) ?? DEFAULT_SCOPES;
    done(missingScope(request, scopeNeeded(route)));
  });
}

/** @throws DomainError forbidden */
export function assertScope(request: FastifyRequest, needed: Scope): void {
  const missing = missingScope(request, needed);
  if (missing) throw missing;
}

/** @param needed any: every key has it; undefined: no key has it */
function missingScope({ context }: FastifyRequest, needed: Scope | 'any' | undefined): DomainError | undefined {
  const { apiKeyName, scopes } = context;
  if (needed === 'any' || (needed !== undefined && scopes.includes(needed))) return undefined;
  return new DomainError(
    'forbidden',
    apiKeyName === null
      ? `This request needs an API key with the scope ${needed ?? 'for it'} (FACE_API_API_KEYS, FACE_API_API_KEY_SCOPES)`
      : `The API key ${apiKeyName} does not have the scope ${needed ?? 'for this request'}. Use another key, or add the scope in FACE_API_API_KEY_SCOPES`,
  );
}

function noValidKey(): DomainError {
  return new DomainError('unauthorized', 'Send a valid API key in the header X-API-Key, or as a bearer token', {
    headers: { 'www-authenticate': 'Bearer' },
  });
}

/** Compares all digests, so that the time taken reveals nothing about them. */
function nameOfKey(request: FastifyRequest, digests: readonly { name: string; digest: Buffer }[]): string | null {
  const given = sha256(givenKey(request));
  const [matching] = digests.filter(({ digest }) => timingSafeEqual(digest, given));
  return matching?.name ?? null;
}

/** By the route, or by the first three names of its path */
function scopeNeeded(route: string): Scope | 'any' | undefined {
  return NEEDED[route] ?? NEEDED[route.split('/').slice(0, 4).join('/')];
}

function givenKey({ headers }: FastifyRequest): string {
  const key = headers['x-api-key'];
  if (typeof key === 'string') return key;
  return /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

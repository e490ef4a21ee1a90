import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';
import { routeOf } from './route.ts';

/**
 * Limits the requests per minute of each API key, or of each IP address if no key is required, to the routes that
 * `isGuarded` selects.
 * @param requestsPerMinute 0: no limit
 */
export async function registerRateLimit(
  fastify: FastifyInstance,
  requestsPerMinute: number,
  isGuarded: (route: string) => boolean,
): Promise<void> {
  if (requestsPerMinute === 0) return;
  await fastify.register(rateLimit, {
    // By default, its hook runs after those of this service: a slot would be taken before the limit is checked.
    global: false,
    max: requestsPerMinute,
    timeWindow: '1 minute',
    keyGenerator: (request) => request.context.apiKeyName ?? request.ip,
    allowList: (request) => !isGuarded(routeOf(request)),
    errorResponseBuilder: (_request, { after, max }) =>
      new DomainError('too_many_requests', `The limit is ${max} requests per minute. Try again in ${after}`),
  });
  fastify.addHook('onRequest', fastify.rateLimit());
}

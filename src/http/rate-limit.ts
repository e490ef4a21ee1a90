import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';
import { routeOf } from './route.ts';

/**
 * Limits how many requests a minute each API key, or else each address, sends to the routes that `isGuarded` names.
 * @param requestsPerMinute 0: any number
 */
export async function registerRateLimit(
  fastify: FastifyInstance,
  requestsPerMinute: number,
  isGuarded: (route: string) => boolean,
): Promise<void> {
  if (requestsPerMinute === 0) return;
  await fastify.register(rateLimit, {
    // By itself it would come in route by route, after the hooks of all: a slot would be taken before it is asked.
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

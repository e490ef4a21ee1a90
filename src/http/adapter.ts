import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import { answerClientError, serverOptions } from './connections.ts';
import { requestIdOf } from './request-id.ts';
import { LINGER_MS } from './request-lifecycle.ts';
import { writeProblem } from './send-problem.ts';

export function createAdapter({ server, limits, batches }: Configuration): FastifyAdapter {
  return new FastifyAdapter({
    multipart: false,
    // The deadline of the request fires first: its problem has the details.
    requestTimeout: Math.max(limits.requestTimeoutMs, batches.uploadTimeoutMs) + 5 * LINGER_MS,
    http: serverOptions,
    clientErrorHandler: answerClientError,
    connectionTimeout: 0,
    forceCloseConnections: 'idle',
    return503OnClosing: false, // closeWhenStopping sends a problem instead
    trustProxy: server.trustedProxies.length > 0 ? [...server.trustedProxies] : false,
    genReqId: requestIdOf,
    frameworkErrors: answerInvalidUrl,
  });
}

/** Neither the hooks nor Nest's filter run for a URL that cannot be decoded. */
function answerInvalidUrl(_error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const error = new DomainError('invalid_request', 'The URL is not valid: its percent-encoding cannot be decoded');
  void writeProblem(request.id, reply.header('x-request-id', request.id), error);
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Aborts, with a DomainError as its reason, when the request's time is over or its client has hung up. */
    abandoned: AbortSignal;
  }
}

/** Gives each request a signal that says when nobody waits for its answer any more. */
export function registerLifecycle(fastify: FastifyInstance, timeoutMs: number): void {
  fastify.decorateRequest('abandoned');
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    request.abandoned = abandonedSignal(reply, timeoutMs);
    done();
  });
}

function abandonedSignal(reply: FastifyReply, timeoutMs: number): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(
      new DomainError(
        'deadline_exceeded',
        `There was no answer within ${timeoutMs} ms. Send a smaller image, or try again when there is less to do`,
      ),
    );
  }, timeoutMs);
  reply.raw.once('close', () => {
    clearTimeout(timer);
    if (!reply.raw.writableFinished) {
      controller.abort(new DomainError('client_closed_request', 'The client hung up before it was answered'));
    }
  });
  return controller.signal;
}

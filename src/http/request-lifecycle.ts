import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';

/** How long a client that has its answer may go on sending, unread, before its connection is closed. */
export const LINGER_MS = 1000;

/** Gives each request a signal that says when nobody waits for its answer any more. */
export function registerLifecycle(fastify: FastifyInstance, timeoutMs: number): void {
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    limitTime(request, reply, timeoutMs);
    closeAfterAnswer(request, reply);
    done();
  });
}

function limitTime(request: FastifyRequest, reply: FastifyReply, timeoutMs: number): void {
  const { context } = request;
  context.abandoned.addEventListener('abort', () => {
    // While a raw or JSON body is read, no handler runs yet that could answer to the signal.
    const reason = context.abandoned.reason as DomainError;
    if (reason.code === 'request_incomplete' && !reply.sent) void reply.send(reason);
  });
  const timer = setTimeout(() => {
    context.abandon(timeIsOver(request, timeoutMs));
  }, timeoutMs);
  reply.raw.once('close', () => {
    clearTimeout(timer);
    if (!reply.raw.writableFinished) {
      context.abandon(new DomainError('client_closed_request', 'The client closed the connection before the response'));
    }
  });
}

function timeIsOver(request: FastifyRequest, timeoutMs: number): DomainError {
  return request.raw.complete
    ? new DomainError(
        'deadline_exceeded',
        `The image was not processed within ${timeoutMs} ms. Send a smaller image, or try again later`,
      )
    : new DomainError(
        'request_incomplete',
        `The request did not arrive in full within ${timeoutMs} ms. Send a smaller image, or use a faster connection`,
      );
}

/**
 * Fastify closes the connection after a body that is too large, Node where the client asked for it, as nginx does: at
 * once, which a client that still sends meets as a broken pipe. Kept open, it is closed as all such are: after a while.
 */
export function keepOpenIfIncomplete(request: FastifyRequest, reply: FastifyReply): void {
  if (request.raw.complete) return;
  reply.removeHeader('connection');
  reply.raw.shouldKeepAlive = true;
}

/**
 * After an answer to a request that is not here as a whole. Closing at once would make clients that still send see a
 * broken pipe instead of their answer; never closing would let those that send nothing more keep their connection.
 * Those that asked for its end get it, now that they have had the time to read.
 */
function closeAfterAnswer(request: FastifyRequest, reply: FastifyReply): void {
  reply.raw.once('finish', () => {
    if (request.raw.complete) return;
    const asksForEnd = /\bclose\b/i.test(request.headers.connection ?? '');
    setTimeout(() => {
      if (asksForEnd || !request.raw.complete) request.raw.socket.destroy();
    }, LINGER_MS).unref();
  });
}

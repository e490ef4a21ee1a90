import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';
import { takesBatch } from './route.ts';

/** How long a client may go on sending after its response, before the connection is closed. */
export const LINGER_MS = 1000;

/**
 * Abandons each request at its deadline, or when its client disconnects.
 * @param batchTimeoutMs deadline of a request that sends a batch
 */
export function registerLifecycle(fastify: FastifyInstance, timeoutMs: number, batchTimeoutMs: number): void {
  fastify.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    limitTime(request, reply, takesBatch(request) ? batchTimeoutMs : timeoutMs);
    closeAfterResponse(request, reply);
    done();
  });
}

function limitTime(request: FastifyRequest, reply: FastifyReply, timeoutMs: number): void {
  const { context } = request;
  context.abandoned.addEventListener('abort', () => {
    // While a raw or JSON body is read, no handler runs yet that could respond to the signal.
    const reason = context.abandoned.reason as DomainError;
    if (reason.code === 'request_incomplete' && !reply.sent) void reply.send(reason);
  });
  const timer = setTimeout(() => {
    context.abandon(deadlineError(request, timeoutMs));
  }, timeoutMs);
  reply.raw.once('close', () => {
    clearTimeout(timer);
    if (!reply.raw.writableFinished) {
      context.abandon(new DomainError('client_closed_request', 'The client closed the connection before the response'));
    }
  });
}

function deadlineError(request: FastifyRequest, timeoutMs: number): DomainError {
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
 * Fastify closes the connection at once after a body that is too large, and Node if the client (such as nginx) asked for
 * it. A client that is still sending then gets a broken pipe instead of the response. `closeAfterResponse` waits.
 */
export function keepOpenIfIncomplete(request: FastifyRequest, reply: FastifyReply): void {
  if (request.raw.complete) return;
  reply.removeHeader('connection');
  reply.raw.shouldKeepAlive = true;
}

/**
 * Closes the connection some time after the response to an incomplete request. If it were closed at once, clients that
 * are still sending would get a broken pipe instead of the response. If it were never closed, clients that send nothing
 * more would keep it. It is also closed for clients that asked for it, who have had time to read by then.
 */
function closeAfterResponse(request: FastifyRequest, reply: FastifyReply): void {
  reply.raw.once('finish', () => {
    if (request.raw.complete) return;
    const asksToClose = /\bclose\b/i.test(request.headers.connection ?? '');
    setTimeout(() => {
      if (asksToClose || !request.raw.complete) request.raw.socket.destroy();
    }, LINGER_MS).unref();
  });
}

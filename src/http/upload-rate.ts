import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';

const CHECK_EVERY_MS = 500;
/** How long a connection may be too slow. */
const GRACE_MS = 10_000;

/**
 * Ends requests whose body arrives more slowly than the given rate for GRACE_MS, so that no client occupies a connection
 * and memory with a body that never arrives.
 * @param bytesPerSecond 0: no minimum rate
 */
export function registerUploadRate(fastify: FastifyInstance, bytesPerSecond: number): void {
  if (bytesPerSecond === 0) return;
  fastify.addHook('onRequest', (request, reply, done) => {
    if (hasBody(request)) {
      const timer = watch(request, bytesPerSecond);
      const stop = () => {
        clearInterval(timer);
        request.context.slowSince = null;
      };
      request.raw.once('end', stop);
      reply.raw.once('close', stop);
    }
    done();
  });
}

function watch(request: FastifyRequest, bytesPerSecond: number): NodeJS.Timeout {
  const { context } = request;
  const { socket } = request.raw;
  let before = socket.bytesRead;
  let checkedAt = performance.now();
  const timer = setInterval(() => {
    const bytes = socket.bytesRead - before;
    const now = performance.now();
    const isSlow = bytes < (bytesPerSecond * (now - checkedAt)) / 1000;
    context.slowSince = isSlow ? (context.slowSince ?? checkedAt) : null;
    if (context.slowSince !== null && now - context.slowSince >= GRACE_MS) context.abandon(tooSlow(bytesPerSecond));
    before = socket.bytesRead;
    checkedAt = now;
  }, CHECK_EVERY_MS);
  return timer;
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function tooSlow(bytesPerSecond: number): DomainError {
  return new DomainError(
    'request_incomplete',
    `The upload was slower than ${bytesPerSecond} bytes per second for ${GRACE_MS / 1000} seconds. Use a faster connection`,
  );
}

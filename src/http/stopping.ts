import type { FastifyInstance } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';
import { keepOpenIfIncomplete } from './request-lifecycle.ts';

const RETRY_SOON = { headers: { 'retry-after': '1' } };

/**
 * While the service is stopping, each response asks its client to close the connection, and new requests are rejected.
 * After the last response, unused connections are closed, because the server would wait for them.
 */
export function closeWhenStopping(fastify: FastifyInstance): void {
  let stopping = false;
  let running = 0;
  const closeUnused = () => {
    if (stopping && running === 0) fastify.server.closeAllConnections();
  };
  fastify.addHook('preClose', (done) => {
    stopping = true;
    setImmediate(closeUnused); // after the server has stopped listening
    done();
  });
  fastify.addHook('onRequest', (_request, reply, done) => {
    running++;
    reply.raw.once('close', () => {
      running--;
      closeUnused();
    });
    done(stopping ? new DomainError('not_ready', 'The service is stopping. Try again', RETRY_SOON) : undefined);
  });
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    if (stopping) void reply.header('connection', 'close');
    else keepOpenIfIncomplete(request, reply);
    done();
  });
}

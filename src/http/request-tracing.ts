import type { FastifyInstance } from 'fastify';
import { withTrace } from '../tracing/trace.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { routeOf } from './route.ts';

/** Probes and scrapes come every few seconds: their traces would be most of all. */
const UNTRACED = /^\/(health|metrics)/;

/** Gives each request its trace, in which all that works for it finds itself. */
export function registerTracing(fastify: FastifyInstance, tracing: Tracing): void {
  if (!tracing.isOn) return;
  fastify.addHook('onRequest', (request, _reply, done) => {
    const route = routeOf(request);
    if (UNTRACED.test(route)) {
      done();
      return;
    }
    request.context.trace = tracing.start(request.headers, {
      method: request.method,
      route,
      path: request.url.split('?')[0]!,
      scheme: request.protocol,
      clientAddress: request.ip,
      requestId: request.id,
    });
    done();
  });
  // Once a body has been read, the rest runs where its last bytes came in, outside the request's own context.
  fastify.addHook('preValidation', (request, _reply, done) => {
    if (request.context.trace) withTrace(request.context.trace, done);
    else done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    request.context.trace?.end(reply.statusCode);
    done();
  });
  // The answer that nobody waited for.
  fastify.addHook('onRequestAbort', (request, done) => {
    request.context.trace?.describe({ 'face_api.aborted': 'client' });
    done();
  });
}

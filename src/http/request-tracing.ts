import type { FastifyInstance } from 'fastify';
import { withTrace } from '../tracing/trace.ts';
import type { RequestTrace, Tracing } from '../tracing/tracing.ts';
import { routeOf } from './route.ts';

declare module 'fastify' {
  interface FastifyRequest {
    trace: RequestTrace | undefined;
  }
}

/** Probes and scrapes come every few seconds: their traces would be most of all. */
const UNTRACED = /^\/(health|metrics)/;

/** Gives each request its trace, in which all that works for it finds itself. */
export function registerTracing(fastify: FastifyInstance, tracing: Tracing): void {
  fastify.decorateRequest('trace');
  if (!tracing.isOn) return;
  fastify.addHook('onRequest', (request, _reply, done) => {
    const route = routeOf(request);
    if (UNTRACED.test(route)) {
      done();
      return;
    }
    request.trace = tracing.start(request.headers, {
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
    if (request.trace) withTrace(request.trace, done);
    else done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    request.trace?.end(reply.statusCode);
    done();
  });
  // The answer that nobody waited for.
  fastify.addHook('onRequestAbort', (request, done) => {
    request.trace?.describe({ 'face_api.aborted': 'client' });
    done();
  });
}

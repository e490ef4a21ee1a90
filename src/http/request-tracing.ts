import type { FastifyInstance } from 'fastify';
import { withTrace } from '../tracing/trace.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { routeOf } from './route.ts';

/** Probes and scrapes come every few seconds: most traces would be theirs. */
const UNTRACED = /^\/(health|metrics)/;

/** Starts a trace for each request and makes it the current one for the work on that request. */
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
  // After the body has been read, the code runs in the asynchronous context of the connection, without the trace.
  fastify.addHook('preValidation', (request, _reply, done) => {
    if (request.context.trace) withTrace(request.context.trace, done);
    else done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    request.context.trace?.end(reply.statusCode);
    done();
  });
  // The client disconnected before the response.
  fastify.addHook('onRequestAbort', (request, done) => {
    request.context.trace?.describe({ 'face_api.aborted': 'client' });
    done();
  });
}

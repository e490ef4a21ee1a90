import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Metrics } from '../metrics/metrics.ts';
import { imageRouteOf } from './route.ts';

/** Counts requests, their time, disconnects and rejected images. */
export function countRequests(fastify: FastifyInstance, metrics: Metrics): void {
  // The pattern of the route, not the URL: the number of values of a label must be limited.
  const labelOf = (request: FastifyRequest) => request.routeOptions.url ?? 'none';
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) metrics.hangUps.inc({ route: labelOf(request) });
    });
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = labelOf(request);
    const { problem } = request.context;
    metrics.requests.inc({ route, status: String(reply.statusCode) });
    metrics.requestSeconds.observe({ route }, reply.elapsedTime / 1000);
    if (imageRouteOf(request) && problem) metrics.countRejection(problem);
    done();
  });
}

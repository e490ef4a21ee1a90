import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { imageRouteOf } from '../http/route.ts';
// Puts the image into the request's context.
import '../inference/received-image.ts';
import type { Traffic } from './traffic.ts';

/** Counts the answers of the routes on whose images is inferred. */
export function countTraffic(fastify: FastifyInstance, traffic: Traffic): void {
  /** What a connection had carried when its last request was answered: it may serve many. */
  const carried = new WeakMap<Socket, { readonly read: number; readonly written: number }>();
  fastify.addHook('onResponse', (request, reply, done) => {
    const { socket } = request.raw;
    const before = carried.get(socket) ?? { read: 0, written: 0 };
    const now = { read: socket.bytesRead, written: socket.bytesWritten };
    carried.set(socket, now);
    if (imageRouteOf(request)?.kind !== undefined) {
      const answer = reply.statusCode < 400 ? request.context.image?.answer : null;
      traffic.count({
        status: reply.statusCode,
        faces: answer?.faces.length ?? 0,
        masked: answer?.maskedCount ?? 0,
        bytesIn: now.read - before.read,
        bytesOut: now.written - before.written,
        ms: reply.elapsedTime,
      });
    }
    done();
  });
}

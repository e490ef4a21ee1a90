import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { routeOf } from '../http/route.ts';
import type { Traffic } from './traffic.ts';

/** Counts the answers of the routes that `isCounted` names. */
export function countTraffic(fastify: FastifyInstance, traffic: Traffic, isCounted: (route: string) => boolean): void {
  /** What a connection had carried when its last request was answered: it may serve many. */
  const carried = new WeakMap<Socket, { readonly read: number; readonly written: number }>();
  fastify.addHook('onResponse', (request, reply, done) => {
    const { socket } = request.raw;
    const before = carried.get(socket) ?? { read: 0, written: 0 };
    const now = { read: socket.bytesRead, written: socket.bytesWritten };
    carried.set(socket, now);
    if (isCounted(routeOf(request))) {
      traffic.count({
        status: reply.statusCode,
        faces: numberIn(reply, 'x-face-count'),
        masked: numberIn(reply, 'x-masked-count'),
        bytesIn: now.read - before.read,
        bytesOut: now.written - before.written,
        ms: reply.elapsedTime,
      });
    }
    done();
  });
}

/** Handlers tell there what they found; whoever failed told nothing. */
function numberIn(reply: FastifyReply, header: string): number {
  return Number(reply.getHeader(header) ?? 0);
}

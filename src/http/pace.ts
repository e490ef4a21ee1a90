import type { IncomingMessage } from 'node:http';

/** Number of pieces after which other requests are served. A large body in pieces of the usual size has fewer. */
const PACE_COUNT = 256;

/** Pauses the connection after every PACE_COUNT pieces, so that a body of very many pieces does not block the process. */
export function pace(payload: IncomingMessage): void {
  let pieces = 0;
  payload.on('data', () => {
    if (++pieces % PACE_COUNT !== 0) return;
    payload.socket.pause();
    setImmediate(() => payload.socket.resume());
  });
}

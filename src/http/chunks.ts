import type { IncomingMessage } from 'node:http';

/** Number of pieces that are merged. A piece needs about 100 bytes of memory besides its data, which may be one byte. */
const MERGE_COUNT = 1024;

/** Collects the pieces of a body, which a client can make as small as one byte. */
export class Chunks {
  #merged: Buffer[] = [];
  #small: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(chunk: Buffer): void {
    this.#small.push(chunk);
    this.#length += chunk.length;
    if (this.#small.length === MERGE_COUNT) this.#merge();
  }

  /** A short body may share its memory with other buffers. */
  concat(): Buffer {
    return Buffer.concat([...this.#merged, ...this.#small], this.#length);
  }

  #merge(): void {
    this.#merged.push(Buffer.concat(this.#small));
    this.#small = [];
  }
}

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

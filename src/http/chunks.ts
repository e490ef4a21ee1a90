import type { IncomingMessage } from 'node:http';

/** So many pieces become one: each piece costs as much memory as a hundred bytes, and may have a single one. */
const MERGE_COUNT = 1024;

/** Gathers the pieces of a body, which its sender may make as small as it likes. */
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

  /** In a buffer of its own, unless it is short. */
  concat(): Buffer {
    return Buffer.concat([...this.#merged, ...this.#small], this.#length);
  }

  #merge(): void {
    this.#merged.push(Buffer.concat(this.#small));
    this.#small = [];
  }
}

/** Others have their turn after so many pieces. A large body in pieces of usual size has fewer. */
const PACE_COUNT = 256;

/** Keeps a body of very many pieces from coming in all at once: nothing is read from its connection for a moment. */
export function pace(payload: IncomingMessage): void {
  let pieces = 0;
  payload.on('data', () => {
    if (++pieces % PACE_COUNT !== 0) return;
    payload.socket.pause();
    setImmediate(() => payload.socket.resume());
  });
}

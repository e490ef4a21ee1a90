import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';

/** Who holds a slot. */
export interface SlotHolder {
  /** When its upload began to stall; null while it goes on, and once it is here. */
  readonly slowSince: number | null;
  readonly abandon: (reason: DomainError) => void;
}

/** An upload that has stalled for so long gives way to one that comes. */
const MAX_STALL_MS = 1000;

/** How many requests with an image are in the house at once, from their first byte to the end of their answer. */
export class RequestSlots {
  readonly limit: number;
  readonly #holders = new Set<SlotHolder>();
  #rejected = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get inUse(): number {
    return this.#holders.size;
  }

  get rejected(): number {
    return this.#rejected;
  }

  tryTake(holder: SlotHolder): boolean {
    if (this.#holders.size >= this.limit) return false;
    this.#holders.add(holder);
    return true;
  }

  /** Who has stalled longest, if anybody has for too long. */
  get stalled(): SlotHolder | null {
    const slow = [...this.#holders].filter(({ slowSince }) => slowSince !== null);
    const [slowest] = slow.toSorted((one, other) => one.slowSince! - other.slowSince!);
    return slowest && performance.now() - slowest.slowSince! >= MAX_STALL_MS ? slowest : null;
  }

  /** Gives the slot of an upload that has stalled to one that comes. */
  takeFromStalled(holder: SlotHolder): boolean {
    const { stalled } = this;
    if (stalled) {
      this.giveBack(stalled);
      stalled.abandon(
        new DomainError(
          'request_incomplete',
          'The upload stalled while other requests were waiting. Use a faster connection',
        ),
      );
    }
    return this.tryTake(holder);
  }

  giveBack(holder: SlotHolder): void {
    this.#holders.delete(holder);
  }

  reject(): DomainError {
    this.#rejected++;
    return new DomainError('busy', `All ${this.limit} request slots are taken. Try again in a second`, {
      headers: { 'retry-after': '1' },
    });
  }
}

/**
 * Refuses requests to handlers that take an image where they find no slot, before a byte of their body is read. The
 * refusal leaves the connection open for a while, as request-lifecycle does for every answer to a request that is not
 * here as a whole.
 */
export function registerRequestSlots(fastify: FastifyInstance, slots: RequestSlots): void {
  fastify.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.takesImage !== true) return;
    reply.raw.once('close', () => {
      slots.giveBack(request);
    });
    if (slots.tryTake(request)) return;
    // Where uploads have stalled, one that comes has their slot; one that stalls itself must not push others out.
    if (slots.stalled && (await beginsToCome(request, reply))) {
      request.abandoned.throwIfAborted();
      if (slots.takeFromStalled(request)) return;
    }
    throw slots.reject();
  });
}

/** So much, or all of it, comes at once from whoever really sends. */
const FIRST_BYTES = 1024;
const FIRST_BYTES_WITHIN_MS = 300;
const LOOK_EVERY_MS = 20;

/** What has come by then waits in the connection's buffer, unread. */
async function beginsToCome({ raw }: FastifyRequest, reply: FastifyReply): Promise<boolean> {
  askForBody(raw, reply);
  for (let waitedMs = 0; waitedMs < FIRST_BYTES_WITHIN_MS; waitedMs += LOOK_EVERY_MS) {
    if (raw.complete || raw.readableLength >= FIRST_BYTES) return true;
    await sleep(LOOK_EVERY_MS);
  }
  return false;
}

/** Requests that came with `Expect: 100-continue` and still wait for it. */
const expecting = new WeakSet<object>();

/** `Expect: 100-continue`: the body is asked for only once the hooks before this one have let the request in. */
export function registerContinue(fastify: FastifyInstance): void {
  fastify.server.on('checkContinue', (request, response) => {
    expecting.add(request);
    fastify.server.emit('request', request, response);
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    askForBody(request.raw, reply);
    done();
  });
}

function askForBody(request: FastifyRequest['raw'], reply: FastifyReply): void {
  if (expecting.delete(request)) reply.raw.writeContinue();
}

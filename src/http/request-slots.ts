import type { FastifyInstance } from 'fastify';
import { DomainError } from '../errors/domain-error.ts';

/** How many requests with an image are in the house at once, from their first byte to the end of their answer. */
export class RequestSlots {
  readonly limit: number;
  #inUse = 0;
  #rejected = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get inUse(): number {
    return this.#inUse;
  }

  get rejected(): number {
    return this.#rejected;
  }

  tryTake(): boolean {
    if (this.#inUse >= this.limit) {
      this.#rejected++;
      return false;
    }
    this.#inUse++;
    return true;
  }

  giveBack(): void {
    this.#inUse--;
  }
}

/**
 * Refuses requests to handlers that take an image where they find no slot, before a byte of their body is read. The
 * refusal leaves the connection open for a while, as request-lifecycle does for every answer to a request that is not
 * here as a whole.
 */
export function registerRequestSlots(fastify: FastifyInstance, slots: RequestSlots): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.takesImage !== true) {
      done();
      return;
    }
    if (slots.tryTake()) {
      reply.raw.once('close', () => {
        slots.giveBack();
      });
      done();
      return;
    }
    done(
      new DomainError('busy', `All ${slots.limit} request slots are taken. Try again in a second`, {
        headers: { 'retry-after': '1' },
      }),
    );
  });
}

/** `Expect: 100-continue`: the body is asked for only once the hooks before this one have let the request in. */
export function registerContinue(fastify: FastifyInstance): void {
  const expecting = new WeakSet<object>();
  fastify.server.on('checkContinue', (request, response) => {
    expecting.add(request);
    fastify.server.emit('request', request, response);
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    if (expecting.has(request.raw)) reply.raw.writeContinue();
    done();
  });
}

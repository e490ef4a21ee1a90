import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import { Metrics } from '../metrics/metrics.ts';
import type { RequestContext } from './request-context.ts';
import { imageRouteOf } from './route.ts';

/** An upload that has stalled for so long gives way to one that comes. */
const MAX_STALL_MS = 1000;

/** How many requests with an image are served at once, each from its first byte to the end of its answer. */
@Injectable()
export class RequestSlots {
  readonly limit: number;
  readonly #holders = new Set<RequestContext>();

  constructor({ limits }: Configuration, metrics: Metrics) {
    this.limit = limits.maxConcurrentRequests;
    metrics.gauge('face_api_requests_in_flight', 'Requests that hold a slot', () => this.inUse);
    metrics.gauge('face_api_request_slots', 'Request slots in total', () => this.limit);
  }

  get inUse(): number {
    return this.#holders.size;
  }

  tryTake(holder: RequestContext): boolean {
    if (this.#holders.size >= this.limit) return false;
    this.#holders.add(holder);
    return true;
  }

  /** Who has stalled longest, if anybody has for too long. */
  get stalled(): RequestContext | null {
    const slow = [...this.#holders].filter(({ slowSince }) => slowSince !== null);
    const [slowest] = slow.toSorted((one, other) => one.slowSince! - other.slowSince!);
    return slowest && performance.now() - slowest.slowSince! >= MAX_STALL_MS ? slowest : null;
  }

  /** Gives the slot of an upload that has stalled to one that comes. */
  takeFromStalled(holder: RequestContext): boolean {
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

  giveBack(holder: RequestContext): void {
    this.#holders.delete(holder);
  }

  reject(): DomainError {
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
    if (imageRouteOf(request) === undefined) return;
    const { context } = request;
    reply.raw.once('close', () => {
      slots.giveBack(context);
    });
    if (slots.tryTake(context)) return;
    // Where uploads have stalled, one that comes has their slot; one that stalls itself must not push others out.
    if (slots.stalled && (await beginsToCome(request, reply))) {
      context.abandoned.throwIfAborted();
      if (slots.takeFromStalled(context)) return;
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

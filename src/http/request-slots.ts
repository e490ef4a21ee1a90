import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import { Metrics } from '../metrics/metrics.ts';
import type { RequestContext } from './request-context.ts';
import { imageRouteOf } from './route.ts';

/** After this time, a stalled upload loses its slot to a new request. */
const MAX_STALL_MS = 1000;

/** Limits how many requests with an image are served at once, from the first byte to the end of the response. */
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

  /** The request that has stalled longest; null if none has stalled for MAX_STALL_MS. */
  get stalled(): RequestContext | null {
    const slow = [...this.#holders].filter(({ slowSince }) => slowSince !== null);
    const [slowest] = slow.toSorted((one, other) => one.slowSince! - other.slowSince!);
    return slowest && performance.now() - slowest.slowSince! >= MAX_STALL_MS ? slowest : null;
  }

  /** Abandons a stalled upload and takes its slot. */
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
 * Rejects requests with an image if no slot is free, before their body is read. The connection stays open for a while,
 * as it does after every response to an incomplete request (see request-lifecycle.ts).
 */
export function registerRequestSlots(fastify: FastifyInstance, slots: RequestSlots): void {
  fastify.addHook('onRequest', async (request, reply) => {
    if (imageRouteOf(request) === undefined) return;
    const { context } = request;
    reply.raw.once('close', () => {
      slots.giveBack(context);
    });
    if (slots.tryTake(context)) return;
    // A stalled upload loses its slot to a new request, but only to one whose body arrives.
    if (slots.stalled && (await bodyArrives(request, reply))) {
      context.abandoned.throwIfAborted();
      if (slots.takeFromStalled(context)) return;
    }
    throw slots.reject();
  });
}

/** A client that really sends has sent so much of the body, or all of it, after FIRST_BYTES_WITHIN_MS. */
const FIRST_BYTES = 1024;
const FIRST_BYTES_WITHIN_MS = 300;
const CHECK_EVERY_MS = 20;

/** The bytes stay in the buffer of the connection. */
async function bodyArrives({ raw }: FastifyRequest, reply: FastifyReply): Promise<boolean> {
  sendContinue(raw, reply);
  for (let waitedMs = 0; waitedMs < FIRST_BYTES_WITHIN_MS; waitedMs += CHECK_EVERY_MS) {
    if (raw.complete || raw.readableLength >= FIRST_BYTES) return true;
    await sleep(CHECK_EVERY_MS);
  }
  return false;
}

/** Requests with `Expect: 100-continue` that still wait for it */
const expecting = new WeakSet<object>();

/** Sends `100 Continue` only after the hooks before this one have accepted the request. */
export function registerContinue(fastify: FastifyInstance): void {
  fastify.server.on('checkContinue', (request, response) => {
    expecting.add(request);
    fastify.server.emit('request', request, response);
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    sendContinue(request.raw, reply);
    done();
  });
}

function sendContinue(request: FastifyRequest['raw'], reply: FastifyReply): void {
  if (expecting.delete(request)) reply.raw.writeContinue();
}

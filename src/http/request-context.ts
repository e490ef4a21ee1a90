import type { FastifyInstance } from 'fastify';
import type { Scope } from '../config/settings.ts';
import type { DomainError, ErrorCode } from '../errors/domain-error.ts';
import type { RequestTrace } from '../tracing/tracing.ts';
import type { Upload } from './upload.ts';

declare module 'fastify' {
  interface FastifyRequest {
    context: RequestContext;
  }
}

/** State of a request while it is served */
export class RequestContext {
  /** Name of the API key of the request; null if none is required. */
  apiKeyName: string | null = null;
  /** What the API key may be used for */
  scopes: readonly Scope[] = [];
  trace: RequestTrace | undefined;
  /** Since when the body has arrived too slowly; null if it is fast enough or has arrived in full. */
  slowSince: number | null = null;
  upload: Upload | undefined;
  /** The problem in the response */
  problem: ErrorCode | undefined;
  readonly #controller = new AbortController();

  /** Aborts when the deadline has passed or the client has disconnected. The reason is a DomainError. */
  get abandoned(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the request with this problem. */
  abandon(reason: DomainError): void {
    this.#controller.abort(reason);
  }
}

/** To be registered before all other hooks. */
export function registerContext(fastify: FastifyInstance): void {
  fastify.decorateRequest('context');
  fastify.addHook('onRequest', (request, _reply, done) => {
    request.context = new RequestContext();
    done();
  });
}

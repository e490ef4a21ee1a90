import type { FastifyInstance } from 'fastify';
import type { DomainError, ErrorCode } from '../errors/domain-error.ts';
import type { RequestTrace } from '../tracing/tracing.ts';
import type { Upload } from './upload.ts';

declare module 'fastify' {
  interface FastifyRequest {
    context: RequestContext;
  }
}

/** What the service knows of a request while it serves it. */
export class RequestContext {
  /** Name of the API key that the request came with; null where none is required. */
  apiKeyName: string | null = null;
  trace: RequestTrace | undefined;
  /** When the body began to come more slowly than required; null while it does not, and once it is here. */
  slowSince: number | null = null;
  upload: Upload | undefined;
  /** The problem that the request was answered with. */
  problem: ErrorCode | undefined;
  readonly #controller = new AbortController();

  /** Aborts, with a DomainError as its reason, when the request's time is over or its client has hung up. */
  get abandoned(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the request with this problem, whatever is done for it. */
  abandon(reason: DomainError): void {
    this.#controller.abort(reason);
  }
}

/** Before all other hooks. */
export function registerContext(fastify: FastifyInstance): void {
  fastify.decorateRequest('context');
  fastify.addHook('onRequest', (request, _reply, done) => {
    request.context = new RequestContext();
    done();
  });
}

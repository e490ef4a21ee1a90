import { hash } from 'node:crypto';
import { type CallHandler, type ExecutionContext, Injectable, Logger, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import { idempotencyKeyOf } from '../http/idempotency-key.ts';
import { imageRouteOf, routeOf } from '../http/route.ts';
import { type KeyedRequest, Replays, type Reply } from '../storage/replays.ts';

/** A process that has not responded after this multiple of the deadline has died. */
const DEAD_FACTOR = 2;

/**
 * A request with an Idempotency-Key that was answered before gets the same answer; it needs no permit and is not stored again.
 * Runs after the upload, whose content tells whether it is the same request.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  private readonly logger = new Logger(IdempotencyInterceptor.name);

  constructor(
    private readonly replays: Replays,
    private readonly configuration: Configuration,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const key = idempotencyKeyOf(request);
    if (key === null || !this.replays.isOn) return next.handle();
    return from(this.once(keyed(request, key), http.getResponse<FastifyReply>(), () => lastValueFrom(next.handle())));
  }

  private async once(request: KeyedRequest, reply: FastifyReply, work: () => Promise<unknown>): Promise<unknown> {
    const claim = await this.replays.claim(request, DEAD_FACTOR * this.configuration.limits.requestTimeoutMs);
    switch (claim.state) {
      case 'done':
        void reply.headers({ ...claim.reply.headers, 'idempotency-replayed': 'true' });
        return claim.reply.isJson ? (JSON.parse(claim.reply.body.toString()) as unknown) : claim.reply.body;
      case 'running':
        throw new DomainError(
          'already_running',
          'A request with this Idempotency-Key is still being processed. Try again',
          { headers: { 'retry-after': '1' } },
        );
      case 'other':
        throw new DomainError(
          'idempotency_mismatch',
          'This Idempotency-Key was used for another image, other options or another Accept. Use a new key',
        );
      case 'new':
        return this.process(request, reply, work);
    }
  }

  private async process(request: KeyedRequest, reply: FastifyReply, work: () => Promise<unknown>): Promise<unknown> {
    const before = reply.getHeaders();
    let result: unknown;
    try {
      result = await work();
    } catch (error) {
      await this.tolerate(this.replays.release(request));
      throw error;
    }
    const headers = Object.entries(reply.getHeaders()).filter(([name, value]) => before[name] !== value);
    await this.tolerate(this.replays.complete(request, toReply(result, headers)));
    return result;
  }

  /** The work is done: its answer is sent though a repetition may be processed anew. */
  private async tolerate(storing: Promise<void>): Promise<void> {
    try {
      await storing;
    } catch (error) {
      this.logger.warn({ err: error }, 'The answer to a request with an Idempotency-Key could not be stored');
    }
  }
}

function keyed(request: FastifyRequest, key: string): KeyedRequest {
  const { image, options } = request.context.upload!;
  const imageSha256 = hash('sha256', image);
  return {
    digest: hash('sha256', JSON.stringify([imageRouteOf(request)!.kind, request.context.apiKeyName, key])),
    fingerprint: hash(
      'sha256',
      JSON.stringify([routeOf(request), request.headers.accept, imageSha256, sorted(options)]),
    ),
    imageSha256,
  };
}

function sorted(options: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
}

function toReply(result: unknown, headers: [string, unknown][]): Reply {
  const isJson = !Buffer.isBuffer(result);
  return {
    headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
    body: isJson ? Buffer.from(JSON.stringify(result)) : result,
    isJson,
  };
}

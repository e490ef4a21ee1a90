import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { Metrics } from '../metrics/metrics.ts';
import { traced } from '../tracing/trace.ts';
import { InferenceSemaphore } from './inference-semaphore.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** How long the request waited for its permit, in milliseconds. */
    queuedMs: number | undefined;
  }
}

/**
 * Lets as many handlers run at once as there are permits, whether they infer or only mask given regions: a picture at
 * full size takes memory either way. Who waits here holds its image itself; when it is abandoned, it leaves with it. The
 * permit is given back when the handler's work has ended, not when the request is answered: after a 504 the thread may
 * still be inside an inference.
 */
@Injectable()
export class SemaphoreInterceptor implements NestInterceptor {
  constructor(
    private readonly semaphore: InferenceSemaphore,
    private readonly metrics: Metrics,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    return from(this.withPermit(request, () => lastValueFrom(next.handle())));
  }

  async withPermit<Result>(request: FastifyRequest, work: () => Promise<Result>): Promise<Result> {
    const asked = performance.now();
    const infers = request.upload?.options['detect'] !== false;
    const release = await traced('queue', () =>
      infers ? this.semaphore.acquire(request.abandoned) : this.semaphore.acquireWithoutInference(request.abandoned),
    );
    request.queuedMs = performance.now() - asked;
    this.metrics.observeStages({ queue: request.queuedMs });
    try {
      return await work();
    } finally {
      release();
    }
  }
}

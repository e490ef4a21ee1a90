import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';

/**
 * Responds as soon as the request is abandoned. The handler is not interrupted: it gets the same signal, and releases
 * its permit when its work has ended.
 */
@Injectable()
export class DeadlineInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { abandoned } = context.switchToHttp().getRequest<FastifyRequest>().context;
    return from(Promise.race([lastValueFrom(next.handle()), rejection(abandoned)]));
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

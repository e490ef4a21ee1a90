import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { imageRouteOf } from '../http/route.ts';
import type { JobKind } from '../storage/job.ts';
import { ImageProcessing } from './image-processing.ts';
import { receiveImage } from './received-image.ts';

/** Runs a handler as the work on the uploaded image, with a permit. */
@Injectable()
export class SemaphoreInterceptor implements NestInterceptor {
  constructor(private readonly images: ImageProcessing) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const kind = imageRouteOf(request)!.kind as JobKind;
    const image = receiveImage(request, kind, request.context.upload!);
    return from(this.images.process(image, () => lastValueFrom(next.handle())));
  }
}

import {
  applyDecorators,
  type CallHandler,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  type Type,
  UseInterceptors,
} from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiExtension } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { from, type Observable, switchMap } from 'rxjs';
import { Configuration } from '../config/configuration.ts';
import type { ErrorCode } from '../errors/domain-error.ts';
import { ImageFetcher } from '../fetching/image-fetcher.ts';
import { traced } from '../tracing/trace.ts';
import { ApiProblems } from './api-problems.ts';
import { type ImageRoute, imageRouteOf } from './route.ts';
import { readUpload } from './upload.ts';

/** Extension of an OpenAPI operation with its image route. In a function, because extensions are copied deeply. */
export const IMAGE_ROUTE = 'x-image-route';
export interface ImageOperation {
  [IMAGE_ROUTE]?: { readonly of: () => ImageRoute };
}

/** Problems of every request with an image */
const IMAGE_PROBLEMS = [
  'invalid_option',
  'invalid_request',
  'unauthorized',
  'forbidden',
  'url_not_allowed',
  'request_incomplete',
  'upload_too_large',
  'too_many_pixels',
  'unsupported_content_type',
  'unsupported_image',
  'undecodable_image',
  'fetch_failed',
  'too_many_requests',
  'header_too_large',
  'internal',
  'busy',
  'not_ready',
  'storage_full',
  'deadline_exceeded',
] as const satisfies ErrorCode[];

/** Reads the whole upload before the handler runs: a slow client must not hold a permit. */
@Injectable()
export class UploadInterceptor implements NestInterceptor {
  constructor(
    private readonly configuration: Configuration,
    private readonly fetcher: ImageFetcher,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { options } = imageRouteOf(request)!;
    const { maxUploadBytes } = this.configuration.limits;
    const fetchImage = (url: string) => this.fetcher.fetch(url, request.context.abandoned);
    const reading = traced('upload', () => readUpload(request, options!, maxUploadBytes, fetchImage));
    return from(reading).pipe(
      switchMap((upload) => {
        request.context.upload = upload;
        return next.handle();
      }),
    );
  }
}

/**
 * Declares that the handler takes an image. Slot, upload, OpenAPI description, problems, statistics and kind of job
 * follow from this one declaration. The upload is read first: nothing is held for a client that is still sending.
 * @param afterwards interceptors that run after the upload has been read, in this order
 */
export function TakesImage(route: ImageRoute, ...afterwards: Type<NestInterceptor>[]): MethodDecorator {
  const interceptors = route.options ? [UploadInterceptor, ...afterwards] : afterwards;
  return applyDecorators(
    RouteConfig({ image: route }),
    UseInterceptors(...interceptors),
    ApiExtension(IMAGE_ROUTE, { of: () => route }),
    ApiProblems(...IMAGE_PROBLEMS, ...(route.problems ?? [])),
  );
}

/** The image and its validated options, for handlers that infer nothing */
export const UploadedImage = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().context.upload,
);

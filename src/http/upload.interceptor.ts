import {
  applyDecorators,
  type CallHandler,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  SetMetadata,
  type Type,
  UseInterceptors,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { from, type Observable, switchMap } from 'rxjs';
import type { z } from 'zod';
import { Configuration } from '../config/configuration.ts';
import { traced } from '../tracing/trace.ts';
import { readUpload, type Upload } from './upload.ts';

declare module 'fastify' {
  interface FastifyRequest {
    upload: Upload<Record<string, unknown>> | undefined;
  }
}

const OPTIONS_SCHEMA = Symbol('schema of the options of an upload');

/** Reads the whole upload before the handler runs: a slow sender must not hold a permit for inference meanwhile. */
@Injectable()
export class UploadInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly configuration: Configuration,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const schema = this.reflector.get<z.ZodObject>(OPTIONS_SCHEMA, context.getHandler());
    const reading = traced('upload', () => readUpload(request, schema, this.configuration.limits.maxUploadBytes));
    return from(reading).pipe(
      switchMap((upload) => {
        request.upload = upload;
        return next.handle();
      }),
    );
  }
}

/**
 * The handler takes an image, with options as `schema` describes them. The upload is read first, whatever else comes
 * between: nothing is held for a client that is still sending.
 * @param afterwards interceptors in the order in which the request meets them once it has been read
 */
export function TakesImage(schema: z.ZodObject, ...afterwards: Type<NestInterceptor>[]): MethodDecorator {
  return applyDecorators(
    RouteConfig({ takesImage: true, takesUpload: true }),
    SetMetadata(OPTIONS_SCHEMA, schema),
    UseInterceptors(UploadInterceptor, ...afterwards),
  );
}

/** The image and its validated options. */
export const UploadedImage = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().upload,
);

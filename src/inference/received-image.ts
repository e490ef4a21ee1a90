import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { JobKind } from '../storage/job.ts';
import { type ImageRequest, toImageRequest } from './image-request.ts';

declare module '../http/request-context.ts' {
  interface RequestContext {
    image?: ImageRequest;
  }
}

/** The image of an HTTP request, with what is wanted of it. What comes of it is counted with the request. */
export function receiveImage<Options extends Readonly<Record<string, unknown>>>(
  { id, context }: FastifyRequest,
  kind: JobKind,
  { image, options }: { readonly image: Uint8Array<ArrayBuffer>; readonly options: Options },
): ImageRequest<Options> {
  const { abandoned, apiKeyName } = context;
  // The option of those who try the service out.
  const store = options['store'] !== false;
  const received = toImageRequest({ id, kind, options, abandoned, apiKeyName, store, image });
  context.image = received;
  return received;
}

/** The image of the request, where the SemaphoreInterceptor guards the handler. */
export const ReceivedImage = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().context.image,
);

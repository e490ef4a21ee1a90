import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { JobKind } from '../storage/job.ts';
import { type ImageRequest, toImageRequest } from './image-request.ts';

declare module '../http/request-context.ts' {
  interface RequestContext {
    image?: ImageRequest;
  }
}

/** Makes the ImageRequest of an HTTP request. The statistics read its results from the request. */
export function receiveImage<Options extends Readonly<Record<string, unknown>>>(
  { id, context }: FastifyRequest,
  kind: JobKind,
  { image, options }: { readonly image: Uint8Array<ArrayBuffer>; readonly options: Options },
): ImageRequest<Options> {
  const { abandoned, apiKeyName } = context;
  // An option of the playground
  const store = options['store'] !== false;
  const received = toImageRequest({
    id,
    kind,
    options,
    abandoned,
    apiKeyName,
    store,
    isInteractive: true,
    image,
  });
  context.image = received;
  return received;
}

/** Parameter: the ImageRequest, for handlers with the SemaphoreInterceptor. */
export const ReceivedImage = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().context.image,
);

import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { IDEMPOTENCY_HEADER, IDEMPOTENCY_PROBLEMS } from '../http/idempotency-key.ts';
import { JSON_SUFFIX, routeOf } from '../http/route.ts';
import { TakesImage } from '../http/takes-image.ts';
import { IdempotencyInterceptor } from '../inference/idempotency.interceptor.ts';
import type { ImageRequest } from '../inference/image-request.ts';
import { ReceivedImage } from '../inference/received-image.ts';
import { SemaphoreInterceptor } from '../inference/semaphore.interceptor.ts';
import { KeptFacesInterceptor } from './kept-faces.interceptor.ts';
import { maskingReply } from './masking-reply.ts';
import { MaskingService } from './masking.service.ts';
import { type SingleMaskOptions, singleMaskOptionsSchema } from './schemas.ts';

@ApiTags('faces')
@Controller('api/v1/mask')
export class MaskingController {
  constructor(private readonly masking: MaskingService) {}

  @Post(['', JSON_SUFFIX])
  @HttpCode(200)
  @ApiOperation({
    operationId: 'mask',
    summary: 'Mask faces',
    description:
      'Returns the masked image. With `Accept: application/json`, returns JSON (schema Masked): the detection result and the masked image as base64.',
  })
  @ApiHeader(IDEMPOTENCY_HEADER)
  @TakesImage(
    {
      kind: 'mask',
      options: singleMaskOptionsSchema,
      problems: [...IDEMPOTENCY_PROBLEMS, 'unknown_faces', 'storage_unavailable'],
    },
    IdempotencyInterceptor,
    KeptFacesInterceptor,
    SemaphoreInterceptor,
  )
  async mask(
    @ReceivedImage() image: ImageRequest<SingleMaskOptions>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer> {
    const accept = routeOf(request).endsWith(JSON_SUFFIX) ? 'application/json' : request.headers.accept;
    return maskingReply(await this.masking.mask(image, { keptFaces: request.context.keptFaces ?? [] }), accept, reply);
  }
}

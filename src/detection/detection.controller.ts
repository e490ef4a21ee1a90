import { Controller, HttpCode, Post, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { IDEMPOTENCY_HEADER, IDEMPOTENCY_PROBLEMS } from '../http/idempotency-key.ts';
import { JSON_SUFFIX } from '../http/route.ts';
import { TakesImage } from '../http/takes-image.ts';
import { detectionHeaders } from '../inference/detection-body.ts';
import { IdempotencyInterceptor } from '../inference/idempotency.interceptor.ts';
import type { ImageRequest } from '../inference/image-request.ts';
import { ReceivedImage } from '../inference/received-image.ts';
import { type DetectionBody, detectionSchema, type DetectOptions, detectOptionsSchema } from '../inference/schemas.ts';
import { SemaphoreInterceptor } from '../inference/semaphore.interceptor.ts';
import { DetectionService } from './detection.service.ts';

@ApiTags('faces')
@Controller('api/v1/detect')
export class DetectionController {
  constructor(private readonly detection: DetectionService) {}

  @Post(['', JSON_SUFFIX])
  @HttpCode(200)
  @ApiOperation({ operationId: 'detect', summary: 'Detect faces' })
  @ApiOkResponse({ description: 'The detected faces, best first', standardSchema: detectionSchema })
  @ApiHeader(IDEMPOTENCY_HEADER)
  @TakesImage(
    { kind: 'detect', options: detectOptionsSchema, problems: IDEMPOTENCY_PROBLEMS },
    IdempotencyInterceptor,
    SemaphoreInterceptor,
  )
  async detect(
    @ReceivedImage() image: ImageRequest<DetectOptions>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DetectionBody> {
    const body = await this.detection.detect(image);
    void reply.headers(detectionHeaders(body));
    return body;
  }
}

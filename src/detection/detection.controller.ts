import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Configuration } from '../config/configuration.ts';
import type { Upload } from '../http/upload.ts';
import { TakesImage, UploadedImage } from '../http/upload.interceptor.ts';
import { serverTiming, toDetectionBody, toDetectSettings } from '../inference/detection-body.ts';
import { InferencePool } from '../inference/inference-pool.ts';
import { type DetectionBody, detectionSchema, type DetectOptions, detectOptionsSchema } from '../inference/schemas.ts';
import { JobInterceptor, KeepsJob } from '../inference/job.interceptor.ts';
import { SemaphoreInterceptor } from '../inference/semaphore.interceptor.ts';
import { LoadedModel } from '../models/loaded-model.ts';

@ApiTags('faces')
@Controller('api/v1/detect')
export class DetectionController {
  constructor(
    private readonly pool: InferencePool,
    private readonly model: LoadedModel,
    private readonly configuration: Configuration,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ operationId: 'detect', summary: 'Find the faces in an image' })
  @ApiOkResponse({ description: 'Where the faces are, best first', standardSchema: detectionSchema })
  @TakesImage(detectOptionsSchema, JobInterceptor, SemaphoreInterceptor)
  @KeepsJob('detect')
  async detect(
    @UploadedImage() { image, options }: Upload<DetectOptions>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DetectionBody> {
    const detect = toDetectSettings(options, this.configuration.detection);
    const answer = await this.pool.detect({ image, detect }, request.abandoned, request.keepJob);
    const body = toDetectionBody(answer, {
      requestId: request.id,
      model: this.model,
      landmarks: options.landmarks ?? true,
      queuedMs: request.queuedMs ?? 0,
    });
    void reply.headers({
      'x-face-count': body.face_count,
      'x-model': this.model.name,
      'server-timing': serverTiming(body.timings),
    });
    return body;
  }
}

import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Upload } from '../http/upload.ts';
import { TakesImage, UploadedImage } from '../http/upload.interceptor.ts';
import { JobInterceptor, KeepsJob } from '../inference/job.interceptor.ts';
import { type DetectionBody, detectionSchema, type DetectOptions, detectOptionsSchema } from '../inference/schemas.ts';
import { SemaphoreInterceptor } from '../inference/semaphore.interceptor.ts';
import { DetectionService } from './detection.service.ts';

@ApiTags('faces')
@Controller('api/v1/detect')
export class DetectionController {
  constructor(private readonly detection: DetectionService) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ operationId: 'detect', summary: 'Detect faces' })
  @ApiOkResponse({ description: 'The detected faces, best first', standardSchema: detectionSchema })
  @TakesImage(detectOptionsSchema, JobInterceptor, SemaphoreInterceptor)
  @KeepsJob('detect')
  detect(
    @UploadedImage() upload: Upload<DetectOptions>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DetectionBody> {
    return this.detection.detect(upload, request, reply);
  }
}

import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Upload } from '../http/upload.ts';
import { TakesImage, UploadedImage } from '../http/upload.interceptor.ts';
import { JobInterceptor, KeepsJob } from '../inference/job.interceptor.ts';
import { SemaphoreInterceptor } from '../inference/semaphore.interceptor.ts';
import { MaskingService } from './masking.service.ts';
import { type MaskRequestOptions, maskOptionsSchema } from './schemas.ts';

@ApiTags('faces')
@Controller('api/v1/mask')
export class MaskingController {
  constructor(private readonly masking: MaskingService) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    operationId: 'mask',
    summary: 'Mask faces',
    description:
      'Returns the masked image. With `Accept: application/json`, returns JSON: the detection result and the masked image as base64.',
  })
  @TakesImage(maskOptionsSchema, JobInterceptor, SemaphoreInterceptor)
  @KeepsJob('mask')
  mask(
    @UploadedImage() upload: Upload<MaskRequestOptions>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer> {
    return this.masking.answer(upload, request, reply);
  }
}

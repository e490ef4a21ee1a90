import { Controller, HttpCode, Post, Req, Res, UseInterceptors } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Configuration } from '../config/configuration.ts';
import type { Upload } from '../http/upload.ts';
import { TakesImage, UploadedImage } from '../http/upload.interceptor.ts';
import { roundBox, serverTiming, toDetectionBody, toDetectSettings } from '../inference/detection-body.ts';
import { InferencePool } from '../inference/inference-pool.ts';
import { SemaphoreInterceptor } from '../inference/semaphore.interceptor.ts';
import { LoadedModel } from '../models/loaded-model.ts';
import { isReversible } from '../vision/paint.ts';
import { toMaskSettings } from './mask-settings.ts';
import { type MaskedBody, type MaskRequestOptions, maskOptionsSchema } from './schemas.ts';

@ApiTags('faces')
@Controller('api/v1/mask')
export class MaskingController {
  constructor(
    private readonly pool: InferencePool,
    private readonly model: LoadedModel,
    private readonly configuration: Configuration,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    operationId: 'mask',
    summary: 'Mask the faces in an image',
    description:
      'Answers with the masked image; with `Accept: application/json`, with the image as base64 beside the detection.',
  })
  @UseInterceptors(SemaphoreInterceptor) // inside the reading of the upload, which stands nearer to the method
  @TakesImage(maskOptionsSchema)
  async mask(
    @UploadedImage() { image, options }: Upload<MaskRequestOptions>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MaskedBody | Buffer> {
    const detect = options.detect === false ? null : toDetectSettings(options, this.configuration.detection);
    const mask = toMaskSettings(options, this.configuration.masking);
    const answer = await this.pool.mask({ image, detect, mask }, request.abandoned);
    const verification = answer.verification && {
      outcome: answer.verification.outcome,
      rounds: answer.verification.rounds,
      added_boxes: answer.verification.added.map(roundBox),
    };
    const assurance = isReversible(mask.style.method) ? 'reversible' : 'irreversible';
    const detection = toDetectionBody(answer, {
      requestId: request.id,
      model: this.model,
      landmarks: options.landmarks ?? true,
      queuedMs: request.queuedMs ?? 0,
    });
    void reply.headers({
      'x-face-count': detection.face_count,
      'x-masked-count': answer.maskedCount,
      'x-mask-assurance': assurance,
      ...(verification && {
        'x-mask-verified': `${verification.outcome}; rounds=${verification.rounds}; added=${verification.added_boxes.length}`,
      }),
      'x-model': this.model.name,
      'server-timing': serverTiming(detection.timings),
      vary: 'accept',
    });
    const { format, bytes } = answer.output;
    const encoded = Buffer.from(bytes.buffer);
    if (prefersJson(request.headers.accept)) {
      return {
        ...detection,
        masked_count: answer.maskedCount,
        assurance,
        verification,
        output: { format, bytes: encoded.length, image: encoded.toString('base64') },
      };
    }
    void reply.type(`image/${format}`);
    return encoded;
  }
}

/** JSON is given to those who name it; A wildcard, as most clients send, gets the image. */
function prefersJson(accept: string | undefined): boolean {
  const types = (accept ?? '').split(',').map((item) => item.split(';')[0]!.trim().toLowerCase());
  const json = types.indexOf('application/json');
  const image = types.findIndex((type) => type.startsWith('image/'));
  return json >= 0 && (image < 0 || json < image);
}

import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Configuration } from '../config/configuration.ts';
import type { Upload } from '../http/upload.ts';
import { TakesImage, UploadedImage } from '../http/upload.interceptor.ts';
import { roundBox, serverTiming, toDetectionBody, toDetectSettings } from '../inference/detection-body.ts';
import { InferencePool } from '../inference/inference-pool.ts';
import { JobInterceptor, KeepsJob } from '../inference/job.interceptor.ts';
import { SemaphoreInterceptor } from '../inference/semaphore.interceptor.ts';
import type { MaskAnswer, MaskSettings } from '../inference/worker/messages.ts';
import { LoadedModel, VerifyModel } from '../models/loaded-model.ts';
import type { Receipt } from '../receipts/receipt.ts';
import { Receipts } from '../receipts/receipts.ts';
import { isReversible } from '../vision/paint.ts';
import { toMaskSettings } from './mask-settings.ts';
import { type MaskedBody, type MaskRequestOptions, maskOptionsSchema } from './schemas.ts';

/** Clients take some 16 KB of headers in all; a receipt of several hundred boxes is left to the JSON. */
const MAX_HEADER_BYTES = 8192;

@ApiTags('faces')
@Controller('api/v1/mask')
export class MaskingController {
  constructor(
    private readonly pool: InferencePool,
    private readonly model: LoadedModel,
    private readonly verifyModel: VerifyModel,
    private readonly receipts: Receipts,
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
  @TakesImage(maskOptionsSchema, JobInterceptor, SemaphoreInterceptor)
  @KeepsJob('mask')
  async mask(
    @UploadedImage() { image, options }: Upload<MaskRequestOptions>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MaskedBody | Buffer> {
    const mask = toMaskSettings(options, this.configuration.masking);
    const answer = await this.pool.mask(
      {
        image,
        detect: options.detect === false ? null : toDetectSettings(options, this.configuration.detection),
        mask,
      },
      request.abandoned,
      request.keepJob,
    );
    const detection = toDetectionBody(answer, {
      requestId: request.id,
      model: this.model,
      landmarks: options.landmarks ?? true,
      queuedMs: request.queuedMs ?? 0,
    });
    const assurance = isReversible(mask.style.method) ? 'reversible' : 'irreversible';
    const verification = verificationBody(answer);
    const receipt = answer.digests && (await this.receipts.sign(this.stateReceipt(request.id, mask, answer)));
    void reply.headers({
      'x-face-count': detection.face_count,
      'x-masked-count': answer.maskedCount,
      'x-mask-assurance': assurance,
      ...(verification && {
        'x-mask-verified': `${verification.outcome}; rounds=${verification.rounds}; added=${verification.added_boxes.length}`,
      }),
      ...(receipt && receipt.length <= MAX_HEADER_BYTES && { 'x-mask-receipt': receipt }),
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
        receipt,
        output: { format, bytes: encoded.length, image: encoded.toString('base64') },
      };
    }
    void reply.type(`image/${format}`);
    return encoded;
  }

  private stateReceipt(requestId: string, { style, plan }: MaskSettings, answer: MaskAnswer): Receipt {
    const { digests, maskedBoxes, output, verification } = answer;
    const nameOf = ({ name, sha256 }: LoadedModel) => ({ name, sha256 });
    return {
      receipt: 1,
      jti: requestId,
      iat: Math.floor(Date.now() / 1000),
      input_sha256: digests!.input,
      output_sha256: digests!.output,
      output_format: output.format,
      model: nameOf(this.model),
      boxes: maskedBoxes.map(({ left, top, right, bottom }) => [left, top, right, bottom].map(Math.round)),
      method: style.method,
      shape: plan.shape,
      padding: plan.padding,
      strength: style.strength,
      assurance: isReversible(style.method) ? 'reversible' : 'irreversible',
      verification: verification && {
        outcome: verification.outcome,
        rounds: verification.rounds,
        added: verification.added.length,
        model: nameOf(this.verifyModel.model ?? this.model),
      },
    };
  }
}

function verificationBody({ verification }: MaskAnswer): MaskedBody['verification'] {
  if (verification === null) return null;
  const { outcome, rounds, added } = verification;
  return { outcome, rounds, added_boxes: added.map(roundBox) };
}

/** JSON is given to those who name it; a wildcard, as most clients send, gets the image. */
function prefersJson(accept: string | undefined): boolean {
  const types = (accept ?? '').split(',').map((item) => item.split(';')[0]!.trim().toLowerCase());
  const json = types.indexOf('application/json');
  const image = types.findIndex((type) => type.startsWith('image/'));
  return json >= 0 && (image < 0 || json < image);
}

import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Configuration } from '../config/configuration.ts';
import { encodeBase64 } from '../http/base64.ts';
import type { Upload } from '../http/upload.ts';
import { roundBox, serverTiming, toDetectionBody, toDetectSettings } from '../inference/detection-body.ts';
import { InferencePool } from '../inference/inference-pool.ts';
import type { MaskAnswer, MaskSettings } from '../inference/worker/messages.ts';
import { LoadedModel, VerifyModel } from '../models/loaded-model.ts';
import type { Receipt } from '../receipts/receipt.ts';
import { Receipts } from '../receipts/receipts.ts';
import { isReversible } from '../vision/paint.ts';
import { toMaskSettings } from './mask-settings.ts';
import type { MaskedBody, MaskRequestOptions } from './schemas.ts';

/** Clients take some 16 KB of headers in all; a receipt of several hundred boxes is left to the JSON. */
const MAX_HEADER_BYTES = 8192;

/** What was found and masked, and the image that came of it. */
export interface Masking {
  readonly body: Omit<MaskedBody, 'output'>;
  readonly format: MaskedBody['output']['format'];
  readonly encoded: Buffer;
}

/** Masks the faces in the image of a request. */
@Injectable()
export class MaskingService {
  constructor(
    private readonly pool: InferencePool,
    private readonly model: LoadedModel,
    private readonly verifyModel: VerifyModel,
    private readonly receipts: Receipts,
    private readonly configuration: Configuration,
  ) {}

  /** Tells the most of it in the reply's headers as well. */
  async mask(
    { image, options }: Upload<MaskRequestOptions>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Masking> {
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
    });
    const { format, bytes } = answer.output;
    return {
      body: { ...detection, masked_count: answer.maskedCount, assurance, verification, receipt },
      format,
      encoded: Buffer.from(bytes.buffer),
    };
  }

  /** The masked image, or JSON that holds it as base64, as the caller would have it. */
  async answer(upload: Upload<MaskRequestOptions>, request: FastifyRequest, reply: FastifyReply): Promise<Buffer> {
    const masking = await this.mask(upload, request, reply);
    void reply.header('vary', 'accept');
    if (prefersJson(request.headers.accept)) {
      void reply.type('application/json; charset=utf-8');
      return toJson(masking);
    }
    void reply.type(`image/${masking.format}`);
    return masking.encoded;
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

/** JSON.stringify would hold the process for as long as it takes to write all of the image: it is put in afterwards. */
async function toJson({ body, format, encoded }: Masking): Promise<Buffer> {
  const masked: MaskedBody = { ...body, output: { format, bytes: encoded.length, image: '' } };
  const end = '"}}';
  const begin = JSON.stringify(masked).slice(0, -end.length);
  return Buffer.concat([Buffer.from(begin), await encodeBase64(encoded), Buffer.from(end)]);
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

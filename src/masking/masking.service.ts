import { Injectable } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { DomainError } from '../errors/domain-error.ts';
import {
  detectSettingsBody,
  toDetectionBody,
  toDetectSettings,
  toSearchBody,
  toVerificationBody,
} from '../inference/detection-body.ts';
import type { ImageRequest } from '../inference/image-request.ts';
import { InferencePool } from '../inference/inference-pool.ts';
import type { MaskAnswer, MaskSettings } from '../inference/worker/messages.ts';
import { LoadedModel, SecondModel } from '../models/loaded-model.ts';
import type { Receipt } from '../receipts/receipt.ts';
import { Receipts } from '../receipts/receipts.ts';
import type { Box } from '../vision/geometry.ts';
import { isReversible } from '../vision/paint.ts';
import { maskSettingsBody, toMaskSettings } from './mask-settings.ts';
import type { MaskedBody, MaskRequestOptions } from './schemas.ts';

/** What was found and masked, and the image that came of it. */
export interface Masking {
  readonly body: Omit<MaskedBody, 'output'>;
  readonly format: MaskedBody['output']['format'];
  readonly encoded: Buffer;
}

/** Masks the faces in an image. */
@Injectable()
export class MaskingService {
  constructor(
    private readonly pool: InferencePool,
    private readonly model: LoadedModel,
    private readonly secondModel: SecondModel,
    private readonly receipts: Receipts,
    private readonly configuration: Configuration,
  ) {}

  /**
   * To be called as the work of ImageProcessing, which has the permit.
   * @param extra `version`: what the receipt says of a version that a person made; `keptFaces`: boxes of faces that stay
   * visible
   */
  async mask(
    request: ImageRequest<MaskRequestOptions>,
    { version, keptFaces }: { readonly version?: Receipt['version']; readonly keptFaces?: readonly Box[] } = {},
  ): Promise<Masking> {
    const { options } = request;
    const { detection, masking } = this.configuration;
    const mask = toMaskSettings(options, masking, keptFaces);
    const detect =
      options.detect === false
        ? null
        : toDetectSettings(options, { ...detection, recall: masking.recall }, request.receivedAt);
    refuseReviewAbove(detect?.threshold ?? 1, options);
    request.settings = {
      detect: detect !== null,
      ...(detect && detectSettingsBody(detect)),
      latency_budget_ms: options.latency_budget_ms,
      ...maskSettingsBody(mask),
    };
    const answer = await this.pool.mask(request, detect, mask);
    return {
      body: {
        ...toDetectionBody(answer, request, this.model, options),
        masked_count: answer.maskedCount,
        uncertain_count: answer.uncertainCount,
        assurance: assuranceOf(mask),
        verification: toVerificationBody(answer.verification),
        metadata: answer.metadata,
        receipt: answer.digests && (await this.receipts.sign(this.stateReceipt(request.id, mask, answer, version))),
      },
      format: answer.output.format,
      encoded: Buffer.from(answer.output.bytes.buffer),
    };
  }

  private stateReceipt(
    requestId: string,
    mask: MaskSettings,
    answer: MaskAnswer,
    version: Receipt['version'],
  ): Receipt {
    const { digests, maskedBoxes, output, search, uncertainCount, verification } = answer;
    const { style, plan } = mask;
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
      uncertain_count: uncertainCount,
      search: search && toSearchBody(search),
      method: style.method,
      shape: plan.shape,
      padding: plan.padding,
      margin: mask.margin,
      strength: style.strength,
      mark: style.mark,
      metadata: answer.metadata ?? {},
      ...(version && { version }),
      assurance: assuranceOf(mask),
      verification: verification && {
        outcome: verification.outcome,
        rounds: verification.rounds,
        added: verification.added.length,
        model: nameOf(this.secondModel.model ?? this.model),
      },
    };
  }
}

/** A configured default gives way to a lower threshold; what a caller asks for must make sense. */
function refuseReviewAbove(threshold: number, { review_threshold: asked }: MaskRequestOptions): void {
  if (asked === undefined || asked <= threshold) return;
  throw new DomainError(
    'invalid_option',
    `review_threshold: ${asked} is above the threshold of ${threshold}. Lower it, or raise threshold`,
  );
}

function assuranceOf({ style }: MaskSettings): MaskedBody['assurance'] {
  return isReversible(style.method) ? 'reversible' : 'irreversible';
}

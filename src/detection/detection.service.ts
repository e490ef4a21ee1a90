import { Injectable } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { detectSettingsBody, toDetectionBody, toDetectSettings } from '../inference/detection-body.ts';
import type { ImageRequest } from '../inference/image-request.ts';
import { InferencePool } from '../inference/inference-pool.ts';
import type { DetectionBody, DetectOptions } from '../inference/schemas.ts';
import { LoadedModel } from '../models/loaded-model.ts';

/** Finds the faces in an image. */
@Injectable()
export class DetectionService {
  constructor(
    private readonly pool: InferencePool,
    private readonly model: LoadedModel,
    private readonly configuration: Configuration,
  ) {}

  /**
   * To be called as the work of ImageProcessing, which has the permit.
   * @param candidates a score below the threshold: the answer also has what reaches it, the job and the statistics have
   * the faces alone
   */
  async detect(request: ImageRequest<DetectOptions>, candidates = Infinity): Promise<DetectionBody> {
    const settings = toDetectSettings(request.options, this.configuration.detection, request.receivedAt);
    const { max_faces, order, latency_budget_ms } = request.options;
    request.settings = { ...detectSettingsBody(settings), order: order ?? 'score', max_faces, latency_budget_ms };
    const lowest = Math.min(settings.threshold, candidates);
    const answer = await this.pool.detect(request, { ...settings, threshold: lowest });
    request.answer = { ...answer, faces: answer.faces.filter(({ score }) => score >= settings.threshold) };
    return toDetectionBody(answer, request, this.model, request.options);
  }
}

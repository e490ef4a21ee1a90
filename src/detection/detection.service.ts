import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Configuration } from '../config/configuration.ts';
import type { Upload } from '../http/upload.ts';
import { serverTiming, toDetectionBody, toDetectSettings } from '../inference/detection-body.ts';
import { InferencePool } from '../inference/inference-pool.ts';
import type { DetectionBody, DetectOptions } from '../inference/schemas.ts';
import { LoadedModel } from '../models/loaded-model.ts';

/** Finds the faces in the image of a request. */
@Injectable()
export class DetectionService {
  constructor(
    private readonly pool: InferencePool,
    private readonly model: LoadedModel,
    private readonly configuration: Configuration,
  ) {}

  /** Tells the most of it in the reply's headers as well. */
  async detect(
    { image, options }: Upload<DetectOptions>,
    request: FastifyRequest,
    reply: FastifyReply,
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

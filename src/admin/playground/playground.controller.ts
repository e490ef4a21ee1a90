import { Body, Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DetectionService } from '../../detection/detection.service.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { TakesImage, UploadedImage } from '../../http/takes-image.ts';
import type { Upload } from '../../http/upload.ts';
import { detectionHeaders } from '../../inference/detection-body.ts';
import { ImageProcessing } from '../../inference/image-processing.ts';
import type { ImageRequest } from '../../inference/image-request.ts';
import { InferencePool } from '../../inference/inference-pool.ts';
import { ReceivedImage, receiveImage } from '../../inference/received-image.ts';
import { type DetectionBody, detectionSchema } from '../../inference/schemas.ts';
import { SemaphoreInterceptor } from '../../inference/semaphore.interceptor.ts';
import { maskingReply } from '../../masking/masking-reply.ts';
import { MaskingService } from '../../masking/masking.service.ts';
import type { MaskRequestOptions } from '../../masking/schemas.ts';
import { ObjectStore } from '../../storage/objects/object-store.ts';
import { AuditLog, StoredRecords } from '../../storage/stored.ts';
import { Actor } from '../actor.ts';
import { noSuchImage } from '../kept/images.controller.ts';
import { type IdParams, idParamsSchema } from '../kept/schemas.ts';
import { reachStorage } from '../../storage/reach-storage.ts';
import {
  type PlaygroundDetectOptions,
  playgroundDetectOptionsSchema,
  type PlaygroundMaskOptions,
  playgroundMaskOptionsSchema,
  type PlaygroundPreviewOptions,
  playgroundPreviewOptionsSchema,
  type Rerun,
  type RerunAnswer,
  rerunAnswerSchema,
  rerunSchema,
} from './schemas.ts';

const PREVIEW_LONG_SIDE = 1600;

/** Tries the service with uploaded and stored images. The work is the same as for the public routes. */
@ApiTags('admin')
@Controller(ADMIN_API_PATH)
export class PlaygroundController {
  constructor(
    private readonly detection: DetectionService,
    private readonly masking: MaskingService,
    private readonly images: ImageProcessing,
    private readonly pool: InferencePool,
    private readonly records: StoredRecords,
    private readonly objects: ObjectStore,
    private readonly audit: AuditLog,
  ) {}

  @Post('playground/detect')
  @HttpCode(200)
  @ApiOperation({ operationId: 'adminPlaygroundDetect', summary: 'Detect faces (playground)' })
  @ApiOkResponse({ description: 'The detected faces, best first', standardSchema: detectionSchema })
  @TakesImage(
    { kind: 'detect', options: playgroundDetectOptionsSchema, problems: ['foreign_origin'] },
    SemaphoreInterceptor,
  )
  async detect(
    @ReceivedImage() image: ImageRequest<PlaygroundDetectOptions>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DetectionBody> {
    const body = await this.detection.detect(image, image.options.candidates);
    void reply.headers({ ...detectionHeaders(body), 'x-face-count': image.answer!.faces.length });
    return body;
  }

  @Post('playground/mask')
  @HttpCode(200)
  @ApiOperation({ operationId: 'adminPlaygroundMask', summary: 'Mask faces (playground)' })
  @TakesImage(
    { kind: 'mask', options: playgroundMaskOptionsSchema, problems: ['foreign_origin'] },
    SemaphoreInterceptor,
  )
  async mask(
    @ReceivedImage() image: ImageRequest<PlaygroundMaskOptions>,
    @Req() { headers }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer> {
    return maskingReply(await this.masking.mask(image), headers.accept, reply);
  }

  @Post('playground/preview')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'adminPlaygroundPreview',
    summary: 'Convert an image to WebP (playground)',
    description:
      'For formats that browsers do not show. Upright, first frame only, smaller if it is large. No job is stored.',
  })
  @ApiProduces('image/webp')
  @ApiOkResponse({ description: 'The preview', schema: { type: 'string', format: 'binary' } })
  @TakesImage({ options: playgroundPreviewOptionsSchema, problems: ['foreign_origin'] })
  async preview(
    @UploadedImage() { image }: Upload<PlaygroundPreviewOptions>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer> {
    const received = receiveImage(request, 'detect', { image, options: { store: false } });
    const { abandoned } = request.context;
    const { bytes } = await this.images.process(received, () =>
      this.pool.thumbnail({ image, longSide: PREVIEW_LONG_SIDE }, abandoned),
    );
    void reply.type('image/webp');
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  @Post('images/:id/jobs')
  @HttpCode(201)
  @ApiOperation({ operationId: 'adminRerun', summary: 'Run detection or masking again on a stored image' })
  @ApiCreatedResponse({ description: 'The new job', standardSchema: rerunAnswerSchema })
  @TakesImage({ kind: 'rerun', problems: ['foreign_origin', 'not_found', 'storage_off', 'storage_unavailable'] })
  async rerun(
    @Param({ schema: idParamsSchema }) { id }: IdParams,
    @Body({ schema: rerunSchema }) { kind, options = {} }: Rerun,
    @Actor() actor: string,
    @Req() request: FastifyRequest,
  ): Promise<RerunAnswer> {
    const stored = { image: await this.readForRerun(id, actor), options };
    const image = receiveImage<MaskRequestOptions>(request, kind, stored);
    await this.images.process<unknown>(image, () =>
      kind === 'detect' ? this.detection.detect(image) : this.masking.mask(image),
    );
    const { faces, maskedCount = null } = image.answer!;
    return { job_id: image.jobId!, kind, face_count: faces.length, masked_count: maskedCount };
  }

  /** Its use is written to the audit log first. */
  private readForRerun(id: string, actor: string): Promise<Uint8Array<ArrayBuffer>> {
    return reachStorage(async () => {
      const row = await this.records.image(id);
      if (!row) throw noSuchImage();
      const bytes = row.objectKey === null ? null : await this.objects.get(row.objectKey);
      if (!bytes) throw new DomainError('not_found', 'The file of this image is lost. Upload the image again');
      await this.audit.add({ action: 'rerun', actor, subject: row.id, counts: { jobs: 1 } });
      // In its own ArrayBuffer, which can be transferred to the thread.
      return Uint8Array.from(bytes);
    });
  }
}

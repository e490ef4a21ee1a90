import { Body, Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Configuration } from '../../config/configuration.ts';
import { DetectionService } from '../../detection/detection.service.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { ApiProblems, BODY_PROBLEMS } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import type { Upload } from '../../http/upload.ts';
import { TakesImage, UploadedImage } from '../../http/upload.interceptor.ts';
import { JobInterceptor, KeepsJob } from '../../inference/job.interceptor.ts';
import { type DetectionBody, detectionSchema } from '../../inference/schemas.ts';
import { SemaphoreInterceptor } from '../../inference/semaphore.interceptor.ts';
import { MaskingService } from '../../masking/masking.service.ts';
import { Actor } from '../actor.ts';
import { noSuchImage } from '../kept/images.controller.ts';
import { type IdParams, idParamsSchema } from '../kept/schemas.ts';
import { StorageAccess } from '../kept/storage-access.ts';
import {
  type PlaygroundDetectOptions,
  playgroundDetectOptionsSchema,
  type PlaygroundMaskOptions,
  playgroundMaskOptionsSchema,
  type Rerun,
  type RerunAnswer,
  rerunAnswerSchema,
  rerunSchema,
} from './schemas.ts';

/** Trying the service out, with images that are sent and with stored ones: the same work as behind the public routes. */
@ApiTags('admin')
@Controller(ADMIN_API_PATH)
export class PlaygroundController {
  constructor(
    private readonly detection: DetectionService,
    private readonly masking: MaskingService,
    private readonly storage: StorageAccess,
    private readonly jobs: JobInterceptor,
    private readonly semaphore: SemaphoreInterceptor,
    private readonly configuration: Configuration,
  ) {}

  @Post('playground/detect')
  @HttpCode(200)
  @ApiOperation({ operationId: 'adminPlaygroundDetect', summary: 'Detect faces (playground)' })
  @ApiOkResponse({ description: 'The detected faces, best first', standardSchema: detectionSchema })
  @ApiProblems('foreign_origin')
  @TakesImage(playgroundDetectOptionsSchema, JobInterceptor, SemaphoreInterceptor)
  @KeepsJob('detect')
  async detect(
    @UploadedImage() { image, options }: Upload<PlaygroundDetectOptions>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DetectionBody> {
    const { candidates, threshold = this.configuration.detection.threshold } = options;
    const isFace = ({ score }: { readonly score: number }) => score >= threshold;
    const { keepJob } = request;
    request.keepJob =
      keepJob &&
      ((original, answer) => {
        keepJob(original, answer && { ...answer, faces: answer.faces.filter(isFace) });
      });
    const lowest = Math.min(threshold, candidates ?? threshold);
    const body = await this.detection.detect({ image, options: { ...options, threshold: lowest } }, request, reply);
    void reply.header('x-face-count', body.faces.filter(isFace).length);
    return body;
  }

  @Post('playground/mask')
  @HttpCode(200)
  @ApiOperation({ operationId: 'adminPlaygroundMask', summary: 'Mask faces (playground)' })
  @ApiProblems('foreign_origin')
  @TakesImage(playgroundMaskOptionsSchema, JobInterceptor, SemaphoreInterceptor)
  @KeepsJob('mask')
  mask(
    @UploadedImage() upload: Upload<PlaygroundMaskOptions>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer> {
    return this.masking.answer(upload, request, reply);
  }

  @Post('images/:id/jobs')
  @HttpCode(201)
  @ApiOperation({ operationId: 'adminRerun', summary: 'Run detection or masking again on a stored image' })
  @ApiCreatedResponse({ description: 'The new job', standardSchema: rerunAnswerSchema })
  @ApiProblems(
    ...BODY_PROBLEMS,
    'unauthorized',
    'foreign_origin',
    'not_found',
    'storage_off',
    'too_many_pixels',
    'unsupported_image',
    'undecodable_image',
    'internal',
    'busy',
    'storage_full',
    'storage_unavailable',
    'deadline_exceeded',
  )
  @RouteConfig({ takesImage: true })
  async rerun(
    @Param({ schema: idParamsSchema }) { id }: IdParams,
    @Body({ schema: rerunSchema }) { kind, options = {} }: Rerun,
    @Actor() actor: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RerunAnswer> {
    const image = await this.takeOut(id, actor);
    // From here on, the request goes the way of one that sent the image.
    const upload = { image, options };
    request.upload = upload;
    const counts = await this.jobs.keep(request, kind, () =>
      this.semaphore.withPermit(request, async () => {
        if (kind === 'detect') {
          const { face_count } = await this.detection.detect(upload, request, reply);
          return { face_count, masked_count: null };
        }
        const { face_count, masked_count } = (await this.masking.mask(upload, request, reply)).body;
        return { face_count, masked_count };
      }),
    );
    return { job_id: request.jobId!, kind, ...counts };
  }

  /** That it is used, and by whom, is recorded before. */
  private takeOut(id: string, actor: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.storage.use(async ({ listing, objects, audit }) => {
      const row = await listing.image(id);
      if (!row) throw noSuchImage();
      const bytes = row.objectKey === null ? null : await objects.get(row.objectKey);
      if (!bytes) throw new DomainError('not_found', 'The file of this image is lost. Upload the image again');
      await audit.add({ action: 'rerun', actor, subject: row.id, counts: { jobs: 1 } });
      // In a buffer of its own, which can be moved to the thread.
      return Uint8Array.from(bytes);
    });
  }
}

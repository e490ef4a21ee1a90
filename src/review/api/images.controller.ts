import { Body, Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../../errors/domain-error.ts';
import { ApiProblems } from '../../http/api-problems.ts';
import { TakesImage } from '../../http/takes-image.ts';
import { ObjectStore } from '../../storage/objects/object-store.ts';
import { reachStorage } from '../../storage/reach-storage.ts';
import type { VersionRow } from '../../storage/records/version.entity.ts';
import { JobLookup, StoredVersions } from '../../storage/stored.ts';
import { ReportLinks } from '../report-links.ts';
import { Versions } from '../versions.ts';
import { toEdit, toVersionBody } from './bodies.ts';
import { renderingOf } from './rendering.ts';
import {
  type EditBody,
  editSchema,
  type ImageMasksBody,
  imageMasksSchema,
  type SentImageParams,
  sentImageParamsSchema,
} from './schemas.ts';
import { sendServed } from './served-image.ts';

const STORED_PROBLEMS = ['not_found', 'busy', 'storage_off', 'storage_unavailable'] as const;

/** Corrections by programs: of the images that their API key sent. */
@ApiTags('images')
@ApiProblems('invalid_request', 'unauthorized', 'forbidden', 'too_many_requests', 'internal', ...STORED_PROBLEMS)
@Controller('api/v1/images/:id')
export class ImagesController {
  constructor(
    private readonly versions: Versions,
    private readonly stored: StoredVersions,
    private readonly jobs: JobLookup,
    private readonly objects: ObjectStore,
    private readonly links: ReportLinks,
  ) {}

  @Get('masks')
  @ApiOperation({
    operationId: 'imageMasks',
    summary: 'Get the masks of an image',
    description:
      'The version that is served, with its masks. The ID is that of the image or of one of its jobs (`X-Job-Id`). Needs an API key with the scope `review`.',
  })
  @ApiOkResponse({ description: 'The version that is served', standardSchema: imageMasksSchema })
  masks(
    @Param({ schema: sentImageParamsSchema }) { id }: SentImageParams,
    @Req() request: FastifyRequest,
  ): Promise<ImageMasksBody> {
    return reachStorage(async () => {
      const imageId = await this.find(id, request);
      const version = await this.versions.served(imageId);
      if (!version) throw noMasks();
      return this.body(imageId, version, true);
    });
  }

  @Post('masks')
  @HttpCode(201)
  @ApiOperation({
    operationId: 'correctImage',
    summary: 'Correct the masks of an image',
    description:
      'Makes a new version with exactly these masks, rendered from the stored original. Needs an API key with the scope `review`; to make pixels visible that are masked in the version before, also the scope `unmask`.',
  })
  @ApiCreatedResponse({ description: 'The new version', standardSchema: imageMasksSchema })
  @TakesImage({ problems: ['version_conflict', ...STORED_PROBLEMS] })
  correct(
    @Param({ schema: sentImageParamsSchema }) { id }: SentImageParams,
    @Body({ schema: editSchema }) edit: EditBody,
    @Req() request: FastifyRequest,
  ): Promise<ImageMasksBody> {
    const { apiKeyName, scopes } = request.context;
    return reachStorage(async () => {
      const imageId = await this.find(id, request);
      // Without a key, the scope is missing.
      const editor = { actor: `key:${apiKeyName!}`, mayUnmask: scopes.includes('unmask') };
      const row = await this.versions.make(imageId, toEdit(edit), editor, renderingOf(request));
      return this.body(imageId, row, row.state === 'approved');
    });
  }

  @Get('result')
  @ApiOperation({
    operationId: 'imageResult',
    summary: 'Get the masked image: the version that is served',
    description: 'The stable URL of the result. The ID is that of the image or of one of its jobs (`X-Job-Id`).',
  })
  @ApiProduces('image/*')
  @ApiOkResponse({ description: 'The masked image', schema: { type: 'string', format: 'binary' } })
  result(
    @Param({ schema: sentImageParamsSchema }) { id }: SentImageParams,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | undefined> {
    return reachStorage(async () => {
      const imageId = await this.find(id, request);
      return sendServed(await this.versions.served(imageId), this.objects, request, reply);
    });
  }

  private body(imageId: string, version: VersionRow, isServed: boolean): ImageMasksBody {
    return { image_id: imageId, report_url: this.links.pathOf(imageId), ...toVersionBody(version, isServed) };
  }

  /** @throws DomainError not_found, also if another key sent the image; busy if it is not stored yet */
  private async find(id: string, { context: { apiKeyName } }: FastifyRequest): Promise<string> {
    // The spool first: a job leaves it when its row exists.
    const waiting = await this.jobs.waiting(id);
    const imageId = await this.stored.sentImage(id, apiKeyName);
    if (imageId !== null) return imageId;
    if (waiting && (apiKeyName === null || waiting.apiKeyName === apiKeyName)) {
      throw new DomainError('busy', 'The image is not stored yet. Try again in a second', {
        headers: { 'retry-after': '1' },
      });
    }
    throw new DomainError('not_found', 'Image not found. It may have been erased, or was not sent with this API key');
  }
}

function noMasks(): DomainError {
  return new DomainError('not_found', 'This image has no masked result whose masks are stored. Mask it first');
}

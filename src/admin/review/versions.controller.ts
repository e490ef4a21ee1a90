import { Body, Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiProblems } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { TakesImage } from '../../http/takes-image.ts';
import { toEdit, toVersionBody } from '../../review/api/bodies.ts';
import { renderingOf } from '../../review/api/rendering.ts';
import {
  type EditBody,
  editSchema,
  type PreviewBody,
  previewSchema,
  type VersionParams,
  versionParamsSchema,
} from '../../review/api/schemas.ts';
import { sendServed } from '../../review/api/served-image.ts';
import { Versions } from '../../review/versions.ts';
import { ObjectStore } from '../../storage/objects/object-store.ts';
import { reachStorage } from '../../storage/reach-storage.ts';
import type { VersionRow } from '../../storage/records/version.entity.ts';
import { served } from '../../storage/served-version.ts';
import { rightsOf } from '../access/rights.ts';
import { Actor } from '../actor.ts';
import { AssetLinks } from '../kept/asset-links.ts';
import { type IdParams, idParamsSchema } from '../kept/schemas.ts';
import { type AdminVersionBody, type AdminVersionsBody, adminVersionSchema, adminVersionsSchema } from './schemas.ts';

const STORED_PROBLEMS = ['not_found', 'storage_off', 'storage_unavailable'] as const;

/** The versions of a masked image: what a person corrected, and what is served. */
@ApiTags('admin')
@ApiProblems('invalid_request', 'unauthorized', 'forbidden', 'internal', ...STORED_PROBLEMS)
@Controller(`${ADMIN_API_PATH}images/:id`)
export class VersionsController {
  constructor(
    private readonly versions: Versions,
    private readonly objects: ObjectStore,
    private readonly links: AssetLinks,
  ) {}

  @Get('versions')
  @ApiOperation({ operationId: 'adminVersions', summary: 'List the versions of a masked image' })
  @ApiOkResponse({
    description: 'All versions; none if the image has no masked result whose masks are stored',
    standardSchema: adminVersionsSchema,
  })
  list(@Param({ schema: idParamsSchema }) { id }: IdParams): Promise<AdminVersionsBody> {
    return reachStorage(async () => {
      const rows = await this.versions.list(id);
      const current = served(rows);
      return { versions: await Promise.all(rows.map((row) => this.body(row, row === current))) };
    });
  }

  @Post('versions')
  @HttpCode(201)
  @ApiOperation({
    operationId: 'adminEdit',
    summary: 'Correct the masks of an image',
    description:
      'Makes a new version with exactly these masks, rendered from the stored original. To make pixels visible that are masked in the version before, the right `unmask` is needed.',
  })
  @ApiCreatedResponse({ description: 'The new version', standardSchema: adminVersionSchema })
  @TakesImage({ problems: ['foreign_origin', 'version_conflict', ...STORED_PROBLEMS] })
  edit(
    @Param({ schema: idParamsSchema }) { id }: IdParams,
    @Body({ schema: editSchema }) edit: EditBody,
    @Req() request: FastifyRequest,
  ): Promise<AdminVersionBody> {
    const { actor, role } = request.admin!;
    return reachStorage(async () => {
      const editor = { actor, mayUnmask: rightsOf(role).includes('unmask') };
      const row = await this.versions.make(id, toEdit(edit), editor, renderingOf(request));
      return this.body(row, row.state === 'approved');
    });
  }

  @Post('versions/preview')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'adminPreviewVersion',
    summary: 'Render masks without storing them',
    description: 'The image that a new version with these masks would have.',
  })
  @ApiProduces('image/*')
  @ApiOkResponse({ description: 'The masked image', schema: { type: 'string', format: 'binary' } })
  @TakesImage({ problems: ['foreign_origin', ...STORED_PROBLEMS] })
  preview(
    @Param({ schema: idParamsSchema }) { id }: IdParams,
    @Body({ schema: previewSchema }) { masks }: PreviewBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer> {
    return reachStorage(async () => {
      const { format, encoded } = await this.versions.preview(id, masks, renderingOf(request));
      void reply.type(`image/${format}`);
      return encoded;
    });
  }

  @Post('versions/:number/approval')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'adminApproveVersion',
    summary: 'Approve a version that makes a face visible',
    description: 'By another person than its author, if FACE_API_UNMASK_SECOND_PERSON is on.',
  })
  @ApiOkResponse({ description: 'The version, which is served now', standardSchema: adminVersionSchema })
  @ApiProblems('foreign_origin', 'version_conflict', 'storage_off')
  approve(
    @Param({ schema: versionParamsSchema }) { id, number }: VersionParams,
    @Actor() actor: string,
  ): Promise<AdminVersionBody> {
    return reachStorage(async () => this.body(await this.versions.approve(id, number, actor), true));
  }

  @Get('result')
  @ApiOperation({
    operationId: 'adminResult',
    summary: 'Get the masked image: the version that is served',
    description: 'The stable URL of the result.',
  })
  @ApiProduces('image/*')
  @ApiOkResponse({ description: 'The masked image', schema: { type: 'string', format: 'binary' } })
  result(
    @Param({ schema: idParamsSchema }) { id }: IdParams,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | undefined> {
    return reachStorage(async () => {
      return sendServed(await this.versions.served(id), this.objects, request, reply);
    });
  }

  private async body(row: VersionRow, isServed: boolean): Promise<AdminVersionBody> {
    return { ...toVersionBody(row, isServed), ...(await this.links.of({ result_url: row.objectKey })) };
  }
}

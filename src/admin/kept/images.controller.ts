import { Controller, Delete, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../../errors/domain-error.ts';
import { ApiProblems } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { ReportLinks } from '../../review/report-links.ts';
import { Versions } from '../../review/versions.ts';
import { ObjectStore } from '../../storage/objects/object-store.ts';
import { ImageEraser, StoredRecords } from '../../storage/stored.ts';
import { Actor } from '../actor.ts';
import { AssetLinks } from './asset-links.ts';
import { toImageItem } from './bodies.ts';
import {
  type EraseQuery,
  eraseQuerySchema,
  type ErasureBody,
  erasureSchema,
  type IdParams,
  idParamsSchema,
  type ImageDetail,
  imageDetailSchema,
  type ImagePage,
  imagePageSchema,
  type ImagesQuery,
  imagesQuerySchema,
  type ThumbnailQuery,
  thumbnailQuerySchema,
} from './schemas.ts';
import { reachStorage } from '../../storage/reach-storage.ts';
import { Thumbnails } from './thumbnails.ts';

@ApiTags('admin')
@ApiProblems(
  'invalid_request',
  'unauthorized',
  'forbidden',
  'foreign_origin',
  'storage_off',
  'internal',
  'storage_unavailable',
)
@Controller(`${ADMIN_API_PATH}images`)
export class ImagesController {
  constructor(
    private readonly records: StoredRecords,
    private readonly objects: ObjectStore,
    private readonly eraser: ImageEraser,
    private readonly links: AssetLinks,
    private readonly thumbnails: Thumbnails,
    private readonly versions: Versions,
    private readonly reportLinks: ReportLinks,
  ) {}

  @Get()
  @ApiOperation({ operationId: 'adminImages', summary: 'List stored images' })
  @ApiOkResponse({ description: 'One page of the list', standardSchema: imagePageSchema })
  images(@Query({ schema: imagesQuerySchema }) query: ImagesQuery): Promise<ImagePage> {
    const { limit, after, sort, search, min_faces: minFaces, max_faces: maxFaces, type, from, to } = query;
    return reachStorage(async () => {
      const page = await this.records.images({ search, type, minFaces, maxFaces, from, to }, { limit, after, sort });
      return { rows: page.rows.map(toImageItem), next: page.next };
    });
  }

  @Get(':id')
  @ApiOperation({ operationId: 'adminImage', summary: 'Get a stored image' })
  @ApiOkResponse({ description: 'The image', standardSchema: imageDetailSchema })
  @ApiProblems('not_found')
  image(@Param({ schema: idParamsSchema }) { id }: IdParams): Promise<ImageDetail> {
    return reachStorage(async () => {
      const row = await this.records.image(id);
      if (!row) throw noSuchImage();
      const version = await this.versions.served(id);
      const keys = { original_url: row.objectKey, result_url: version?.objectKey ?? null };
      return {
        ...toImageItem(row),
        version: version?.number ?? null,
        report_url: version && this.reportLinks.pathOf(id),
        ...(await this.links.of(keys)),
      };
    });
  }

  @Get(':id/thumbnail')
  @ApiOperation({ operationId: 'adminThumbnail', summary: 'Get the thumbnail of an image' })
  @ApiProduces('image/webp')
  @ApiOkResponse({
    description: 'The thumbnail: upright, first frame only',
    schema: { type: 'string', format: 'binary' },
  })
  @ApiProblems('not_found', 'undecodable_image', 'too_many_pixels', 'unsupported_image', 'deadline_exceeded')
  thumbnail(
    @Param({ schema: idParamsSchema }) { id }: IdParams,
    @Query({ schema: thumbnailQuerySchema }) { width }: ThumbnailQuery,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | undefined> {
    return reachStorage(async () => {
      const row = await this.records.image(id);
      if (!row) throw noSuchImage();
      const key = row.objectKey;
      const tag = `"${row.sha256}-${width}"`;
      // Browsers cache it but ask each time, so that an erased image is not shown any more.
      void reply.headers({ etag: tag, 'cache-control': 'private, no-cache' });
      if (request.headers['if-none-match'] === tag && key !== null) {
        void reply.code(304);
        return undefined;
      }
      const { abandoned } = request.context;
      const bytes = key === null ? null : await this.thumbnails.make(() => this.objects.get(key), width, abandoned);
      if (!bytes)
        throw new DomainError('not_found', 'The file of this image is lost. Uploading the same image restores it');
      void reply.type('image/webp');
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    });
  }

  @Delete(':id')
  @ApiOperation({
    operationId: 'adminEraseImage',
    summary: 'Erase an image with its jobs and results',
    description: 'The ID may also be that of one of its jobs, even if the job is still in the spool.',
  })
  @ApiOkResponse({ description: 'What was erased, or would be erased', standardSchema: erasureSchema })
  @ApiProblems('not_found')
  erase(
    @Param({ schema: idParamsSchema }) { id }: IdParams,
    @Query({ schema: eraseQuerySchema }) { dry_run: dryRun }: EraseQuery,
    @Actor() actor: string,
  ): Promise<ErasureBody> {
    return reachStorage(async () => {
      const erasure = await this.eraser.erase(id, actor, { dryRun });
      if (!erasure) throw noSuchImage();
      const { imageId, jobs, objects, spooled } = erasure;
      return { image_id: imageId, jobs, objects, spooled };
    });
  }
}

export function noSuchImage(): DomainError {
  return new DomainError('not_found', 'Image not found. It may have been erased, or was never stored');
}

import { Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res, type StreamableFile } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import {
  ApiAcceptedResponse,
  ApiBody,
  ApiConsumes,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { assertScope } from '../../http/api-keys.ts';
import { ApiProblems } from '../../http/api-problems.ts';
import { IDEMPOTENCY_HEADER } from '../../http/idempotency-key.ts';
import { reachStorage } from '../../storage/reach-storage.ts';
import { Batches, type Owner } from '../batches.ts';
import { JOBS_PATH, resultPath } from '../result-path.ts';
import { BatchReception } from './batch-reception.ts';
import { toBatchBody, toItemBody } from './bodies.ts';
import { resultReply } from './result-reply.ts';
import {
  type BatchBody,
  type BatchesQuery,
  batchesQuerySchema,
  type BatchItemPageBody,
  batchItemPageSchema,
  type BatchPageBody,
  batchPageSchema,
  type BatchParams,
  batchParamsSchema,
  batchSchema,
  type ItemsQuery,
  itemsQuerySchema,
} from './schemas.ts';

@ApiTags('jobs')
@ApiProblems(
  'invalid_request',
  'unauthorized',
  'forbidden',
  'storage_off',
  'too_many_requests',
  'internal',
  'storage_unavailable',
)
@Controller(JOBS_PATH)
export class JobsController {
  constructor(
    private readonly batches: Batches,
    private readonly reception: BatchReception,
  ) {}

  @Post()
  @HttpCode(202)
  @RouteConfig({ batch: true })
  @ApiOperation({
    operationId: 'createJob',
    summary: 'Detect or mask many images in the background',
    description:
      'The images are processed after the response. Send any number of parts `file`, `archive` (ZIP, tar, tar.gz) and `urls`, or JSON with `urls`; a folder in the name of a file is kept. `source` is a folder in S3, and `output` a folder in S3 that gets the results. URLs and objects are read when their turn comes. An image that fails does not affect the others.',
  })
  @ApiHeader(IDEMPOTENCY_HEADER)
  @ApiConsumes('multipart/form-data')
  @ApiBody({ required: true, schema: { $ref: '#/components/schemas/BatchForm' } })
  @ApiAcceptedResponse({
    description: 'The batch, also at the URL in the header Location',
    standardSchema: batchSchema,
  })
  @ApiProblems(
    'invalid_option',
    'url_not_allowed',
    'bucket_not_allowed',
    'fetch_failed',
    'request_incomplete',
    'upload_too_large',
    'unsupported_content_type',
    'idempotency_mismatch',
    'output_overlaps_source',
    'output_exists',
    'output_failed',
    'busy',
    'not_ready',
  )
  async create(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<BatchBody> {
    const { batch, isRepeated } = await reachStorage(() =>
      this.reception.receive(request, request.context.apiKeyName, (kind) => {
        assertScope(request, kind);
      }),
    );
    void reply.header('location', `/${JOBS_PATH}/${batch.id}`);
    if (isRepeated) void reply.header('idempotency-replayed', 'true');
    return toBatchBody(batch, resultPath);
  }

  @Get()
  @ApiOperation({ operationId: 'jobs', summary: 'List the batches of this API key' })
  @ApiOkResponse({ description: 'One page of the list, newest first', standardSchema: batchPageSchema })
  list(
    @Query({ schema: batchesQuerySchema }) { limit, after }: BatchesQuery,
    @Req() request: FastifyRequest,
  ): Promise<BatchPageBody> {
    return reachStorage(async () => {
      const page = await this.batches.list(ownerOf(request), limit, after);
      return { rows: page.batches.map((batch) => toBatchBody(batch, resultPath)), next: page.next };
    });
  }

  @Get(':id')
  @ApiOperation({ operationId: 'job', summary: 'Get the state of a batch' })
  @ApiOkResponse({ description: 'The batch', standardSchema: batchSchema })
  @ApiProblems('not_found')
  find(@Param({ schema: batchParamsSchema }) { id }: BatchParams, @Req() request: FastifyRequest): Promise<BatchBody> {
    return reachStorage(async () => toBatchBody(await this.batches.find(id, ownerOf(request)), resultPath));
  }

  @Get(':id/items')
  @ApiOperation({ operationId: 'jobItems', summary: 'List the items of a batch with their results and errors' })
  @ApiOkResponse({
    description: 'One page of the items, in the order of their positions',
    standardSchema: batchItemPageSchema,
  })
  @ApiProblems('not_found')
  items(
    @Param({ schema: batchParamsSchema }) { id }: BatchParams,
    @Query({ schema: itemsQuerySchema }) query: ItemsQuery,
    @Req() request: FastifyRequest,
  ): Promise<BatchItemPageBody> {
    return reachStorage(async () => {
      const { items, output, next } = await this.batches.items(id, ownerOf(request), query);
      return { rows: items.map((item) => toItemBody(item, output)), next };
    });
  }

  @Get(':id/result')
  @ApiOperation({
    operationId: 'jobResult',
    summary: 'Download the results of a batch as a ZIP',
    description:
      'The masked images, and `manifest.jsonl` with one line per item: name, digests, faces, receipt, or the error. An interrupted download can be resumed with `Range`.',
  })
  @ApiProduces('application/zip')
  @ApiOkResponse({ description: 'The archive', schema: { type: 'string', format: 'binary' } })
  @ApiProblems('not_found', 'batch_active', 'results_in_s3', 'range_not_satisfiable')
  result(
    @Param({ schema: batchParamsSchema }) { id }: BatchParams,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    return reachStorage(async () => {
      const archive = await this.batches.result(id, ownerOf(request));
      return resultReply(archive, `${id}.zip`, request.headers, reply);
    });
  }

  @Post(':id/retry')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'retryJob',
    summary: 'Process the dead items of a batch again',
    description:
      'Those that failed at every attempt. The batch must have ended. Without such items, a manifest that could not be written to the output is written again.',
  })
  @ApiOkResponse({ description: 'The batch, which is active again if it had dead items', standardSchema: batchSchema })
  @ApiProblems('not_found', 'batch_active')
  retry(@Param({ schema: batchParamsSchema }) { id }: BatchParams, @Req() request: FastifyRequest): Promise<BatchBody> {
    return reachStorage(async () => toBatchBody(await this.batches.retry(id, ownerOf(request)), resultPath));
  }

  @Delete(':id')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'cancelJob',
    summary: 'Cancel a batch',
    description: 'Items that wait are given up. What is done stays, and can be downloaded or is in the output.',
  })
  @ApiOkResponse({ description: 'The batch; one that has ended is not changed', standardSchema: batchSchema })
  @ApiProblems('not_found')
  cancel(
    @Param({ schema: batchParamsSchema }) { id }: BatchParams,
    @Req() request: FastifyRequest,
  ): Promise<BatchBody> {
    return reachStorage(async () => toBatchBody(await this.batches.cancel(id, ownerOf(request)), resultPath));
  }
}

function ownerOf({ context }: FastifyRequest): Owner {
  return { apiKeyName: context.apiKeyName };
}

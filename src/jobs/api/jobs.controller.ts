import { join } from 'node:path';
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
import { Configuration } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { assertScope } from '../../http/api-keys.ts';
import { ApiProblems } from '../../http/api-problems.ts';
import { IDEMPOTENCY_HEADER, idempotencyKeyOf } from '../../http/idempotency-key.ts';
import { reachStorage } from '../../storage/reach-storage.ts';
import { Batches, type Owner } from '../batches.ts';
import { readBatchForm } from './batch-form.ts';
import { toBatchOrder } from './batch-order.ts';
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

const PATH = 'api/v1/jobs';
/** Each holds a few files in memory. */
const MAX_RECEIVING = 4;

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
@Controller(PATH)
export class JobsController {
  private receiving = 0;

  constructor(
    private readonly batches: Batches,
    private readonly configuration: Configuration,
  ) {}

  @Post()
  @HttpCode(202)
  @RouteConfig({ batch: true })
  @ApiOperation({
    operationId: 'createJob',
    summary: 'Detect or mask many images in the background',
    description:
      'The images are processed after the response. Send any number of parts `file` and `archive` (ZIP); a folder in the name of a file is kept. An image that fails does not affect the others.',
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
    'request_incomplete',
    'upload_too_large',
    'unsupported_content_type',
    'idempotency_mismatch',
    'busy',
    'not_ready',
  )
  async create(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<BatchBody> {
    if (!request.isMultipart()) {
      throw new DomainError('unsupported_content_type', 'Send multipart/form-data with parts "file" or "archive"');
    }
    if (this.receiving >= MAX_RECEIVING) {
      throw new DomainError(
        'busy',
        `The service is receiving ${MAX_RECEIVING} batches already. Try again in some seconds`,
        {
          headers: { 'retry-after': '5' },
        },
      );
    }
    this.receiving++;
    try {
      const { id, isRepeated } = await reachStorage(() => this.receive(request));
      const batch = await reachStorage(() => this.batches.find(id, ownerOf(request)));
      void reply.header('location', `/${PATH}/${id}`);
      if (isRepeated) void reply.header('idempotency-replayed', 'true');
      return toBatchBody(batch, resultPath);
    } finally {
      this.receiving--;
    }
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
      const { items, next } = await this.batches.items(id, ownerOf(request), query);
      return { rows: items.map(toItemBody), next };
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
  @ApiProblems('not_found', 'batch_active', 'range_not_satisfiable')
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
    description: 'Those that failed at every attempt. The batch must have ended.',
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
    description: 'Items that wait are given up. What is done stays, and can be downloaded.',
  })
  @ApiOkResponse({ description: 'The batch; one that has ended is not changed', standardSchema: batchSchema })
  @ApiProblems('not_found')
  cancel(
    @Param({ schema: batchParamsSchema }) { id }: BatchParams,
    @Req() request: FastifyRequest,
  ): Promise<BatchBody> {
    return reachStorage(async () => toBatchBody(await this.batches.cancel(id, ownerOf(request)), resultPath));
  }

  /** @returns the batch, which is complete and in the queue; or the one that an earlier request sent */
  private async receive(request: FastifyRequest): Promise<{ id: string; isRepeated: boolean }> {
    const { limits, batches, storage } = this.configuration;
    const idempotencyKey = idempotencyKeyOf(request);
    const intake = await this.batches.receive(request.context.apiKeyName, request.id);
    try {
      const fields = await readBatchForm(request, intake, {
        maxFileBytes: limits.maxUploadBytes,
        maxBytes: batches.maxBytes,
        maxItems: batches.maxItems,
        folder: join(storage.dataFolder, 'uploads'),
      });
      request.context.abandoned.throwIfAborted();
      const order = toBatchOrder(fields, this.configuration);
      assertScope(request, order.kind);
      const id = await intake.complete(order, idempotencyKey);
      return { id, isRepeated: id !== intake.id };
    } catch (error) {
      await intake.abort();
      throw error;
    }
  }
}

function ownerOf({ context }: FastifyRequest): Owner {
  return { apiKeyName: context.apiKeyName };
}

function resultPath(id: string): string {
  return `/${PATH}/${id}/result`;
}

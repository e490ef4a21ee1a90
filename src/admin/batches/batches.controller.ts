import { Controller, Delete, Get, HttpCode, Param, Post, Query, Req, Res, type StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiProblems } from '../../http/api-problems.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { toBatchBody } from '../../jobs/api/bodies.ts';
import { resultReply } from '../../jobs/api/result-reply.ts';
import { type BatchesQuery, batchesQuerySchema, type BatchParams, batchParamsSchema } from '../../jobs/api/schemas.ts';
import { type Batch, Batches } from '../../jobs/batches.ts';
import { reachStorage } from '../../storage/reach-storage.ts';
import {
  type AdminBatchBody,
  type AdminBatchDetailBody,
  adminBatchDetailSchema,
  type AdminBatchPageBody,
  adminBatchPageSchema,
  adminBatchSchema,
  MAX_NAMED_FILES,
} from './schemas.ts';

const PATH = `${ADMIN_API_PATH}batches`;
const OPERATOR = 'operator';

/** The batches of all API keys. */
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
@Controller(PATH)
export class BatchesController {
  constructor(private readonly batches: Batches) {}

  @Get()
  @ApiOperation({ operationId: 'adminBatches', summary: 'List the batches of all API keys' })
  @ApiOkResponse({ description: 'One page of the list, newest first', standardSchema: adminBatchPageSchema })
  list(@Query({ schema: batchesQuerySchema }) { limit, after }: BatchesQuery): Promise<AdminBatchPageBody> {
    return reachStorage(async () => {
      const page = await this.batches.list(OPERATOR, limit, after);
      return { rows: page.batches.map(toAdminBatch), next: page.next };
    });
  }

  @Get(':id')
  @ApiOperation({ operationId: 'adminBatch', summary: 'Get a batch with its failures by reason' })
  @ApiOkResponse({ description: 'The batch', standardSchema: adminBatchDetailSchema })
  @ApiProblems('not_found')
  find(@Param({ schema: batchParamsSchema }) { id }: BatchParams): Promise<AdminBatchDetailBody> {
    return reachStorage(async () => ({
      ...toAdminBatch(await this.batches.find(id, OPERATOR)),
      failures: await this.batches.failures(id, OPERATOR, MAX_NAMED_FILES),
    }));
  }

  @Get(':id/result')
  @ApiOperation({
    operationId: 'adminBatchResult',
    summary: 'Download the results of a batch as a ZIP',
    description: 'The same archive that the API key gets. An interrupted download can be resumed with `Range`.',
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
      const archive = await this.batches.result(id, OPERATOR);
      return resultReply(archive, `${id}.zip`, request.headers, reply);
    });
  }

  @Post(':id/retry')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'adminRetryBatch',
    summary: 'Process the dead items of a batch again',
    description: 'Those that failed at every attempt. The batch must have ended.',
  })
  @ApiOkResponse({
    description: 'The batch, which is active again if it had dead items',
    standardSchema: adminBatchSchema,
  })
  @ApiProblems('not_found', 'batch_active')
  retry(@Param({ schema: batchParamsSchema }) { id }: BatchParams): Promise<AdminBatchBody> {
    return reachStorage(async () => toAdminBatch(await this.batches.retry(id, OPERATOR)));
  }

  @Delete(':id')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'adminCancelBatch',
    summary: 'Cancel a batch',
    description: 'Items that wait are given up. What is done stays, and can be downloaded.',
  })
  @ApiOkResponse({ description: 'The batch; one that has ended is not changed', standardSchema: adminBatchSchema })
  @ApiProblems('not_found')
  cancel(@Param({ schema: batchParamsSchema }) { id }: BatchParams): Promise<AdminBatchBody> {
    return reachStorage(async () => toAdminBatch(await this.batches.cancel(id, OPERATOR)));
  }
}

function toAdminBatch(batch: Batch): AdminBatchBody {
  return { ...toBatchBody(batch, (id) => `${PATH}/${id}/result`), api_key_name: batch.apiKeyName };
}

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
import { ApiProblems } from '../../http/api-problems.ts';
import { IDEMPOTENCY_HEADER } from '../../http/idempotency-key.ts';
import { ADMIN_API_PATH } from '../../http/route.ts';
import { BatchReception } from '../../jobs/api/batch-reception.ts';
import { toBatchBody } from '../../jobs/api/bodies.ts';
import { resultReply } from '../../jobs/api/result-reply.ts';
import { type BatchesQuery, batchesQuerySchema, type BatchParams, batchParamsSchema } from '../../jobs/api/schemas.ts';
import { type Batch, Batches } from '../../jobs/batches.ts';
import { toUrl } from '../../jobs/s3-place.ts';
import { reachStorage } from '../../storage/reach-storage.ts';
import type { AuditAction } from '../../storage/records/audit.entity.ts';
import { AuditLog } from '../../storage/stored.ts';
import { Actor } from '../actor.ts';
import { toDeliveryBody } from './bodies.ts';
import {
  type AdminBatchBody,
  type AdminBatchDetailBody,
  adminBatchDetailSchema,
  type AdminBatchPageBody,
  adminBatchPageSchema,
  adminBatchSchema,
  MAX_NAMED_FILES,
  type WebhookParams,
  webhookParamsSchema,
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
  constructor(
    private readonly batches: Batches,
    private readonly reception: BatchReception,
    private readonly audit: AuditLog,
  ) {}

  @Post()
  @HttpCode(202)
  @RouteConfig({ batch: true })
  @ApiOperation({
    operationId: 'adminCreateBatch',
    summary: 'Start a batch in the console',
    description: 'The request is that of `POST /api/v1/jobs`. The batch belongs to no API key.',
  })
  @ApiHeader(IDEMPOTENCY_HEADER)
  @ApiConsumes('multipart/form-data')
  @ApiBody({ required: true, schema: { $ref: '#/components/schemas/BatchForm' } })
  @ApiAcceptedResponse({ description: 'The batch', standardSchema: adminBatchSchema })
  @ApiProblems(
    'invalid_option',
    'url_not_allowed',
    'bucket_not_allowed',
    'fetch_failed',
    'output_overlaps_source',
    'output_exists',
    'output_failed',
    'request_incomplete',
    'upload_too_large',
    'unsupported_content_type',
    'idempotency_mismatch',
    'busy',
    'not_ready',
  )
  create(@Req() request: FastifyRequest, @Actor() actor: string): Promise<AdminBatchBody> {
    return reachStorage(async () => {
      const { batch, isRepeated } = await this.reception.receive(request, senderOf(actor));
      if (!isRepeated) await this.record('start_batch', actor, batch, batch.itemCount);
      return toAdminBatch(batch);
    });
  }

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
  @ApiOperation({ operationId: 'adminBatch', summary: 'Get a batch with its failures by reason, and its webhooks' })
  @ApiOkResponse({ description: 'The batch', standardSchema: adminBatchDetailSchema })
  @ApiProblems('not_found')
  find(@Param({ schema: batchParamsSchema }) { id }: BatchParams): Promise<AdminBatchDetailBody> {
    return reachStorage(async () => ({
      ...toAdminBatch(await this.batches.find(id, OPERATOR)),
      failures: await this.batches.failures(id, OPERATOR, MAX_NAMED_FILES),
      deliveries: (await this.batches.deliveries(id, OPERATOR)).map(toDeliveryBody),
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
  @ApiProblems('not_found', 'batch_active', 'results_in_s3', 'range_not_satisfiable')
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
    description:
      'Those that failed at every attempt. The batch must have ended. Without such items, a manifest that could not be written to the output is written again.',
  })
  @ApiOkResponse({
    description: 'The batch, which is active again if it had dead items',
    standardSchema: adminBatchSchema,
  })
  @ApiProblems('not_found', 'batch_active')
  retry(@Param({ schema: batchParamsSchema }) { id }: BatchParams, @Actor() actor: string): Promise<AdminBatchBody> {
    return reachStorage(async () => {
      const { state, deadCount } = await this.batches.find(id, OPERATOR);
      const batch = await this.batches.retry(id, OPERATOR);
      if (deadCount > 0 || state !== batch.state) await this.record('retry_batch', actor, batch, deadCount);
      return toAdminBatch(batch);
    });
  }

  @Post(':id/webhooks/:webhook/redelivery')
  @HttpCode(202)
  @ApiOperation({
    operationId: 'adminRedeliverWebhook',
    summary: 'Send a webhook of a batch again',
    description: 'Whatever became of it before. Its receiver gets the same webhook-id. The audit log records it.',
  })
  @ApiAcceptedResponse({ description: 'It is sent soon, and retried like any other' })
  @ApiProblems('not_found')
  redeliver(
    @Param({ schema: webhookParamsSchema }) { id, webhook }: WebhookParams,
    @Actor() actor: string,
  ): Promise<void> {
    return reachStorage(async () => {
      await this.batches.redeliver(id, webhook, OPERATOR);
      await this.audit.add({ action: 'redeliver', actor, subject: id, counts: { webhooks: 1 } });
    });
  }

  @Delete(':id')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'adminCancelBatch',
    summary: 'Cancel a batch',
    description: 'Items that wait are given up. What is done stays, and can be downloaded or is in the output.',
  })
  @ApiOkResponse({ description: 'The batch; one that has ended is not changed', standardSchema: adminBatchSchema })
  @ApiProblems('not_found')
  cancel(@Param({ schema: batchParamsSchema }) { id }: BatchParams, @Actor() actor: string): Promise<AdminBatchBody> {
    return reachStorage(async () => {
      const { state } = await this.batches.find(id, OPERATOR);
      const batch = await this.batches.cancel(id, OPERATOR);
      if (state !== batch.state) await this.record('cancel_batch', actor, batch, batch.canceledCount);
      return toAdminBatch(batch);
    });
  }

  private record(action: AuditAction, actor: string, { id, output }: Batch, images: number): Promise<void> {
    return this.audit.add({ action, actor, subject: id, counts: { images }, place: output && toUrl(output) });
  }
}

function toAdminBatch(batch: Batch): AdminBatchBody {
  const startedBy = actorOf(batch.apiKeyName);
  return {
    ...toBatchBody(batch, (id) => `${PATH}/${id}/result`),
    api_key_name: startedBy === null ? batch.apiKeyName : null,
    started_by: startedBy,
  };
}

/** Batches of operators have an owner whom no API key can be: the name of a key has no colon. */
const OPERATORS = 'operator:';

function senderOf(actor: string): string {
  return `${OPERATORS}${actor}`;
}

/** @returns null: it was sent by the public API */
function actorOf(sender: string | null): string | null {
  return sender?.startsWith(OPERATORS) ? sender.slice(OPERATORS.length) : null;
}

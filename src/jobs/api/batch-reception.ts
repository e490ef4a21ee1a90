import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Configuration } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { unsupportedType } from '../../http/bodies.ts';
import { idempotencyKeyOf } from '../../http/idempotency-key.ts';
import type { JobKind } from '../../storage/job.ts';
import { type Batch, Batches } from '../batches.ts';
import { WebhookGuard } from '../webhooks/webhook-guard.ts';
import { readBatchForm } from './batch-form.ts';
import { readBatchJson } from './batch-json.ts';
import { toBatchOrder } from './batch-order.ts';

/** Each holds a few files in memory. */
const MAX_RECEIVING = 4;

export interface ReceivedBatch {
  readonly batch: Batch;
  /** An earlier request with the same Idempotency-Key sent it. */
  readonly isRepeated: boolean;
}

/** Receives batches, whether an API key sends them or the console. */
@Injectable()
export class BatchReception {
  private receiving = 0;

  constructor(
    private readonly batches: Batches,
    private readonly webhooks: WebhookGuard,
    private readonly configuration: Configuration,
  ) {}

  /**
   * Reads the form or the JSON of the request to its end.
   * @param sender whose batch it is; null: no API key was required
   * @param assertMay throws if the sender may not do this kind of work
   * @returns the batch, which is complete and in the queue
   */
  async receive(
    request: FastifyRequest,
    sender: string | null,
    assertMay: (kind: JobKind) => void = () => undefined,
  ): Promise<ReceivedBatch> {
    if (!request.isMultipart() && request.body === undefined) throw unsupportedType(request);
    if (this.receiving >= MAX_RECEIVING) {
      throw new DomainError(
        'busy',
        `The service is receiving ${MAX_RECEIVING} batches already. Try again in some seconds`,
        { headers: { 'retry-after': '5' } },
      );
    }
    this.receiving++;
    try {
      return await this.read(request, sender, assertMay);
    } finally {
      this.receiving--;
    }
  }

  private async read(
    request: FastifyRequest,
    sender: string | null,
    assertMay: (kind: JobKind) => void,
  ): Promise<ReceivedBatch> {
    const { limits, batches, fetching, storage } = this.configuration;
    const fetches = fetching.allow.length > 0;
    const idempotencyKey = idempotencyKeyOf(request);
    const intake = await this.batches.receive(sender, request.id);
    try {
      const fields = request.isMultipart()
        ? await readBatchForm(request, intake, {
            maxFileBytes: limits.maxUploadBytes,
            maxBytes: batches.maxBytes,
            maxItems: batches.maxItems,
            fetches,
            folder: join(storage.dataFolder, 'uploads'),
          })
        : await readBatchJson(request.body, intake, { fetches });
      request.context.abandoned.throwIfAborted();
      const order = await toBatchOrder(fields, this.configuration, this.webhooks);
      assertMay(order.kind);
      const id = await intake.complete(order, idempotencyKey);
      return { batch: await this.batches.find(id, { apiKeyName: sender }), isRepeated: id !== intake.id };
    } catch (error) {
      await intake.abort();
      throw error;
    }
  }
}

import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Configuration } from '../../config/configuration.ts';
import { DomainError } from '../../errors/domain-error.ts';
import { idempotencyKeyOf } from '../../http/idempotency-key.ts';
import { type Batch, Batches } from '../batches.ts';
import { readBatchForm } from './batch-form.ts';
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
    private readonly configuration: Configuration,
  ) {}

  /**
   * Reads the form of the request to its end.
   * @param sender whose batch it is; null: no API key was required
   * @returns the batch, which is complete and in the queue
   */
  async receive(request: FastifyRequest, sender: string | null): Promise<ReceivedBatch> {
    if (!request.isMultipart()) {
      throw new DomainError('unsupported_content_type', 'Send multipart/form-data with parts "file" or "archive"');
    }
    if (this.receiving >= MAX_RECEIVING) {
      throw new DomainError(
        'busy',
        `The service is receiving ${MAX_RECEIVING} batches already. Try again in some seconds`,
        { headers: { 'retry-after': '5' } },
      );
    }
    this.receiving++;
    try {
      return await this.read(request, sender);
    } finally {
      this.receiving--;
    }
  }

  private async read(request: FastifyRequest, sender: string | null): Promise<ReceivedBatch> {
    const { limits, batches, storage } = this.configuration;
    const idempotencyKey = idempotencyKeyOf(request);
    const intake = await this.batches.receive(sender, request.id);
    try {
      const fields = await readBatchForm(request, intake, {
        maxFileBytes: limits.maxUploadBytes,
        maxBytes: batches.maxBytes,
        maxItems: batches.maxItems,
        folder: join(storage.dataFolder, 'uploads'),
      });
      request.context.abandoned.throwIfAborted();
      const id = await intake.complete(toBatchOrder(fields, this.configuration), idempotencyKey);
      return { batch: await this.batches.find(id, { apiKeyName: sender }), isRepeated: id !== intake.id };
    } catch (error) {
      await intake.abort();
      throw error;
    }
  }
}

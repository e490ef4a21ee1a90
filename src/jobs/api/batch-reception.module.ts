import { Module } from '@nestjs/common';
import { BatchReception } from './batch-reception.ts';

/** One reception for the public API and the console: both count towards the batches that arrive at the same time. */
@Module({ providers: [BatchReception], exports: [BatchReception] })
export class BatchReceptionModule {}

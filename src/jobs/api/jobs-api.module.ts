import { Module } from '@nestjs/common';
import { BatchReceptionModule } from './batch-reception.module.ts';
import { JobsController } from './jobs.controller.ts';

/** The public routes. */
@Module({ imports: [BatchReceptionModule], controllers: [JobsController] })
export class JobsApiModule {}

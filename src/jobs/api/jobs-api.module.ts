import { Module } from '@nestjs/common';
import { JobsController } from './jobs.controller.ts';

/** The public routes. */
@Module({ controllers: [JobsController] })
export class JobsApiModule {}

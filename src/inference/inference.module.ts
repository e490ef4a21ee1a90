import { Module } from '@nestjs/common';
import { ModelsModule } from '../models/models.module.ts';
import { IdempotencyInterceptor } from './idempotency.interceptor.ts';
import { ImageProcessing } from './image-processing.ts';
import { InferencePool } from './inference-pool.ts';
import { InferenceSemaphore } from './inference-semaphore.ts';
import { SemaphoreInterceptor } from './semaphore.interceptor.ts';

@Module({
  imports: [ModelsModule],
  providers: [InferencePool, InferenceSemaphore, ImageProcessing, IdempotencyInterceptor, SemaphoreInterceptor],
  exports: [
    InferencePool,
    InferenceSemaphore,
    ImageProcessing,
    IdempotencyInterceptor,
    SemaphoreInterceptor,
    ModelsModule,
  ],
})
export class InferenceModule {}

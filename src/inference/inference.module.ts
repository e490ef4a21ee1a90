import { Module } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { LoadedModel, SecondModel } from '../models/loaded-model.ts';
import { ModelsModule } from '../models/models.module.ts';
import { IdempotencyInterceptor } from './idempotency.interceptor.ts';
import { ImageProcessing } from './image-processing.ts';
import { InferencePool } from './inference-pool.ts';
import { InferenceSemaphore } from './inference-semaphore.ts';
import { SemaphoreInterceptor } from './semaphore.interceptor.ts';
import { STARTED_THREADS, WorkerThreads } from './worker-threads.ts';

@Module({
  imports: [ModelsModule],
  providers: [
    {
      provide: WorkerThreads,
      inject: [Configuration, LoadedModel, SecondModel, { token: STARTED_THREADS, optional: true }],
      useFactory: (configuration: Configuration, model: LoadedModel, second: SecondModel, started?: WorkerThreads) =>
        started ?? new WorkerThreads(configuration, model, second),
    },
    InferencePool,
    InferenceSemaphore,
    ImageProcessing,
    IdempotencyInterceptor,
    SemaphoreInterceptor,
  ],
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

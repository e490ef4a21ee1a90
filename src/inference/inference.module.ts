import { Module } from '@nestjs/common';
import { ModelsModule } from '../models/models.module.ts';
import { InferencePool } from './inference-pool.ts';
import { InferenceSemaphore } from './inference-semaphore.ts';
import { JobInterceptor } from './job.interceptor.ts';
import { SemaphoreInterceptor } from './semaphore.interceptor.ts';

@Module({
  imports: [ModelsModule],
  providers: [InferencePool, InferenceSemaphore, JobInterceptor, SemaphoreInterceptor],
  exports: [InferencePool, InferenceSemaphore, JobInterceptor, SemaphoreInterceptor, ModelsModule],
})
export class InferenceModule {}

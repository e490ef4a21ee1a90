import { Module } from '@nestjs/common';
import { ModelsModule } from '../models/models.module.ts';
import { InferencePool } from './inference-pool.ts';
import { InferenceSemaphore } from './inference-semaphore.ts';

@Module({
  imports: [ModelsModule],
  providers: [InferencePool, InferenceSemaphore],
  exports: [InferencePool, InferenceSemaphore, ModelsModule],
})
export class InferenceModule {}

import { Module } from '@nestjs/common';
import { InferenceModule } from '../inference/inference.module.ts';
import { MaskingModule } from '../masking/masking.module.ts';
import { ReviewQueue } from './review-queue.ts';
import { Versions } from './versions.ts';

/** Reviewing and correcting what was masked, for whoever offers it. */
@Module({
  imports: [InferenceModule, MaskingModule],
  providers: [Versions, ReviewQueue],
  exports: [Versions, ReviewQueue],
})
export class ReviewModule {}

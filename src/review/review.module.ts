import { Module } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { InferenceModule } from '../inference/inference.module.ts';
import { MaskingModule } from '../masking/masking.module.ts';
import { ReportLinks } from './report-links.ts';
import { ReviewQueue } from './review-queue.ts';
import { Versions } from './versions.ts';

/** Reviewing and correcting what was masked, for whoever offers it. */
@Module({
  imports: [InferenceModule, MaskingModule],
  providers: [
    Versions,
    ReviewQueue,
    {
      provide: ReportLinks,
      inject: [Configuration],
      useFactory: (configuration: Configuration) => ReportLinks.open(configuration),
    },
  ],
  exports: [Versions, ReviewQueue, ReportLinks],
})
export class ReviewModule {}

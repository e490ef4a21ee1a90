import { Module } from '@nestjs/common';
import { ReviewModule } from '../review.module.ts';
import { ImagesController } from './images.controller.ts';
import { ReportController } from './report.controller.ts';
import { ReportThrottle } from './report-throttle.ts';

/** The public routes. */
@Module({ imports: [ReviewModule], providers: [ReportThrottle], controllers: [ImagesController, ReportController] })
export class ReviewApiModule {}

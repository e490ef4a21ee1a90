import { Module } from '@nestjs/common';
import { InferenceModule } from '../inference/inference.module.ts';
import { DetectionController } from './detection.controller.ts';
import { DetectionService } from './detection.service.ts';

/** Finding faces, for whoever offers it. */
@Module({ imports: [InferenceModule], providers: [DetectionService], exports: [DetectionService] })
export class DetectionModule {}

/** The public route. */
@Module({ imports: [DetectionModule, InferenceModule], controllers: [DetectionController] })
export class DetectionApiModule {}

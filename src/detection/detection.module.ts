import { Module } from '@nestjs/common';
import { InferenceModule } from '../inference/inference.module.ts';
import { DetectionController } from './detection.controller.ts';
import { DetectionService } from './detection.service.ts';

@Module({ imports: [InferenceModule], controllers: [DetectionController], providers: [DetectionService] })
export class DetectionModule {}

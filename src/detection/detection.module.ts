import { Module } from '@nestjs/common';
import { InferenceModule } from '../inference/inference.module.ts';
import { DetectionController } from './detection.controller.ts';

@Module({ imports: [InferenceModule], controllers: [DetectionController] })
export class DetectionModule {}

import { Module } from '@nestjs/common';
import { InferenceModule } from '../inference/inference.module.ts';
import { MaskingController } from './masking.controller.ts';

@Module({ imports: [InferenceModule], controllers: [MaskingController] })
export class MaskingModule {}

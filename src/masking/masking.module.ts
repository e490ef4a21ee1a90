import { Module } from '@nestjs/common';
import { InferenceModule } from '../inference/inference.module.ts';
import { ReceiptsModule } from '../receipts/receipts.module.ts';
import { MaskingController } from './masking.controller.ts';

@Module({ imports: [InferenceModule, ReceiptsModule], controllers: [MaskingController] })
export class MaskingModule {}

import { Module } from '@nestjs/common';
import { InferenceModule } from '../inference/inference.module.ts';
import { ReceiptsModule } from '../receipts/receipts.module.ts';
import { MaskingController } from './masking.controller.ts';
import { MaskingService } from './masking.service.ts';

/** Masking faces, for whoever offers it. */
@Module({ imports: [InferenceModule, ReceiptsModule], providers: [MaskingService], exports: [MaskingService] })
export class MaskingModule {}

/** The public route. */
@Module({ imports: [MaskingModule, InferenceModule], controllers: [MaskingController] })
export class MaskingApiModule {}

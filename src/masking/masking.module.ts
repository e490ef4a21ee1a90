import { Module } from '@nestjs/common';
import { InferenceModule } from '../inference/inference.module.ts';
import { ReceiptsModule } from '../receipts/receipts.module.ts';
import { MaskingController } from './masking.controller.ts';
import { MaskingService } from './masking.service.ts';

@Module({
  imports: [InferenceModule, ReceiptsModule],
  controllers: [MaskingController],
  providers: [MaskingService],
})
export class MaskingModule {}

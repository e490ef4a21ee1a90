import { Module } from '@nestjs/common';
import { ReceiptsController } from './receipts.controller.ts';
import { Receipts } from './receipts.ts';

@Module({ controllers: [ReceiptsController], providers: [Receipts], exports: [Receipts] })
export class ReceiptsModule {}

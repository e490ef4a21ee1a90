import { Module } from '@nestjs/common';
import { ReceiptsController } from './receipts.controller.ts';
import { Receipts } from './receipts.ts';

/** Signing and verifying, for other modules. */
@Module({ providers: [Receipts], exports: [Receipts] })
export class ReceiptsModule {}

/** The public routes. */
@Module({ imports: [ReceiptsModule], controllers: [ReceiptsController] })
export class ReceiptsApiModule {}

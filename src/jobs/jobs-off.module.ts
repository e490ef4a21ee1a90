import { Module } from '@nestjs/common';
import { Batches, NoBatches } from './batches.ts';

/** Storage is off: there are no batches. */
@Module({ providers: [{ provide: Batches, useClass: NoBatches }], exports: [Batches] })
export class JobsOffModule {}

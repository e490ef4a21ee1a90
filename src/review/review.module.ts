import { Module } from '@nestjs/common';
import { InferenceModule } from '../inference/inference.module.ts';
import { MaskingModule } from '../masking/masking.module.ts';
import { Versions } from './versions.ts';

/** Correcting what was masked, for whoever offers it. */
@Module({ imports: [InferenceModule, MaskingModule], providers: [Versions], exports: [Versions] })
export class ReviewModule {}

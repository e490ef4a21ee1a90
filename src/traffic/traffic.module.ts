import { Module } from '@nestjs/common';
import { HttpModule } from '../http/http.module.ts';
import { InferenceModule } from '../inference/inference.module.ts';
import { Traffic } from './traffic.ts';

@Module({ imports: [HttpModule, InferenceModule], providers: [Traffic], exports: [Traffic] })
export class TrafficModule {}

import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ProblemFilter } from './problem.filter.ts';
import { RequestSlots } from './request-slots.ts';

@Module({ providers: [{ provide: APP_FILTER, useClass: ProblemFilter }, RequestSlots], exports: [RequestSlots] })
export class HttpModule {}

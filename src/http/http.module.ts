import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Configuration } from '../config/configuration.ts';
import { Metrics } from '../metrics/metrics.ts';
import { ProblemFilter } from './problem.filter.ts';
import { RequestSlots } from './request-slots.ts';

@Module({
  providers: [
    { provide: APP_FILTER, useClass: ProblemFilter },
    {
      provide: RequestSlots,
      inject: [Configuration, Metrics],
      useFactory: ({ limits }: Configuration, metrics: Metrics) => {
        const slots = new RequestSlots(limits.maxConcurrentRequests);
        metrics.gauge('face_api_requests_in_flight', 'Requests that hold a slot', () => slots.inUse);
        metrics.gauge('face_api_request_slots', 'Request slots in total', () => slots.limit);
        return slots;
      },
    },
  ],
  exports: [RequestSlots],
})
export class HttpModule {}

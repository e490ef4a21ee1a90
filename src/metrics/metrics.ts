import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds: from a small JPEG's header to a large photo's encoding. */
const STAGE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** All metrics of the service, in a registry of their own, with stable names. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  readonly requests = new Counter({
    name: 'face_api_requests_total',
    help: 'Answered requests by route and status',
    labelNames: ['route', 'status'] as const,
    registers: [this.registry],
  });

  readonly requestSeconds = new Histogram({
    name: 'face_api_request_duration_seconds',
    help: 'From the first byte of a request to the end of its answer',
    labelNames: ['route'] as const,
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [this.registry],
  });

  readonly stageSeconds = new Histogram({
    name: 'face_api_stage_duration_seconds',
    help: 'Time of each stage in the worker',
    labelNames: ['stage'] as const,
    buckets: STAGE_BUCKETS,
    registers: [this.registry],
  });

  readonly faces = new Counter({
    name: 'face_api_faces_total',
    help: 'Faces found, by kind of request',
    labelNames: ['kind'] as const,
    registers: [this.registry],
  });

  readonly workerFailures = new Counter({
    name: 'face_api_worker_failures_total',
    help: 'Requests that failed because their worker thread died',
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** A value that is read when the metrics are. */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** @param timings milliseconds by stage */
  observeStages(timings: Readonly<Record<string, number>>): void {
    for (const [stage, ms] of Object.entries(timings)) this.stageSeconds.observe({ stage }, ms / 1000);
  }
}

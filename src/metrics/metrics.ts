import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Configuration } from '../config/configuration.ts';
import type { ErrorCode } from '../errors/domain-error.ts';
import { VERSION } from '../version.ts';

/** Seconds: from a small JPEG's header to a large photo's encoding. */
const STAGE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Problems that do not depend on the image: the same request may succeed later. */
const REJECTIONS = ['busy', 'too_many_requests', 'storage_full', 'not_ready'] as const satisfies ErrorCode[];

/** All metrics of the service, in a separate registry and with stable names; see docs/monitoring.md. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  readonly requests = new Counter({
    name: 'face_api_requests_total',
    help: 'Requests answered, by route and status',
    labelNames: ['route', 'status'] as const,
    registers: [this.registry],
  });

  readonly requestSeconds = new Histogram({
    name: 'face_api_request_duration_seconds',
    help: 'Time from the first byte of a request to the end of its response',
    labelNames: ['route'] as const,
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [this.registry],
  });

  readonly #rejections = new Counter({
    name: 'face_api_rejections_total',
    help: 'Rejected image requests by reason',
    labelNames: ['reason'] as const,
    registers: [this.registry],
  });

  readonly hangUps = new Counter({
    name: 'face_api_hang_ups_total',
    help: 'Requests whose client closed the connection before the response, by route',
    labelNames: ['route'] as const,
    registers: [this.registry],
  });

  readonly stageSeconds = new Histogram({
    name: 'face_api_stage_duration_seconds',
    help: 'Time of each stage: the wait for a permit, then the stages in the worker',
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

  readonly maskedFaces = new Counter({
    name: 'face_api_faces_masked_total',
    help: 'Faces masked',
    registers: [this.registry],
  });

  readonly logins = new Counter({
    name: 'face_api_logins_total',
    help: 'Logins to the console, by outcome',
    labelNames: ['outcome'] as const,
    registers: [this.registry],
  });

  readonly workerFailures = new Counter({
    name: 'face_api_worker_failures_total',
    help: 'Requests that failed because their worker thread crashed',
    registers: [this.registry],
  });

  constructor({ server }: Configuration) {
    collectDefaultMetrics({ register: this.registry });
    this.info('face_api_build_info', 'Version and role of this process', { version: VERSION, role: server.role });
    // A series that exists from the start makes its first increase visible.
    for (const reason of REJECTIONS) this.#rejections.inc({ reason }, 0);
    for (const kind of ['detect', 'mask']) this.faces.inc({ kind }, 0);
    for (const outcome of ['succeeded', 'failed', 'throttled']) this.logins.inc({ outcome }, 0);
  }

  /** A series that is always 1, with facts as labels. */
  info(name: string, help: string, facts: Readonly<Record<string, string>>): void {
    new Gauge({ name, help, labelNames: Object.keys(facts), registers: [this.registry] }).set(facts, 1);
  }

  /** Counts the problem of an image request if it is a rejection. */
  countRejection(problem: ErrorCode): void {
    const reason = REJECTIONS.find((code) => code === problem);
    if (reason) this.#rejections.inc({ reason });
  }

  /** A value that is read with each scrape. */
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

import { Injectable } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { Metrics } from '../metrics/metrics.ts';
import { Semaphore } from './semaphore.ts';

/** The one semaphore that all handlers that infer share. */
@Injectable()
export class InferenceSemaphore extends Semaphore {
  constructor(configuration: Configuration, metrics: Metrics) {
    super(configuration.limits.maxConcurrentInference);
    metrics.gauge('face_api_inference_permits', 'Permits for inference there are', () => this.limit);
    metrics.gauge('face_api_inferences_running', 'Requests that hold a permit for inference', () => this.inUse);
    metrics.gauge('face_api_inferences_waiting', 'Requests that wait for a permit', () => this.waiting);
  }
}

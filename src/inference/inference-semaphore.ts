import { Injectable } from '@nestjs/common';
import { Configuration } from '../config/configuration.ts';
import { Semaphore } from './semaphore.ts';

/** The one semaphore that all handlers that infer share. */
@Injectable()
export class InferenceSemaphore extends Semaphore {
  constructor(configuration: Configuration) {
    super(configuration.limits.maxConcurrentInference);
  }
}

import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { Metrics } from '../metrics/metrics.ts';
import type { Spool } from './spool/spool.ts';

export type LossReason = 'spool_full' | 'spool_write' | 'damaged';

/** Metrics that exist only if storage is on */
@Injectable()
export class StorageMetrics {
  readonly stored: Counter;
  readonly retries: Counter;
  readonly losses: Counter<'reason'>;
  readonly #metrics: Metrics;
  #lost = 0;

  constructor(metrics: Metrics) {
    const registers = [metrics.registry];
    this.#metrics = metrics;
    this.stored = new Counter({
      name: 'face_api_storage_stored_total',
      help: 'Jobs stored in the database and the object store',
      registers,
    });
    this.retries = new Counter({
      name: 'face_api_storage_failures_total',
      help: 'Failed attempts to store a job, which are retried',
      registers,
    });
    this.losses = new Counter({
      name: 'face_api_storage_losses_total',
      help: 'Lost jobs by reason: the spool was full, could not be written, or was damaged',
      labelNames: ['reason'] as const,
      registers,
    });
    for (const reason of ['spool_full', 'spool_write', 'damaged'] as const) this.losses.inc({ reason }, 0);
  }

  get lost(): number {
    return this.#lost;
  }

  countLoss(reason: LossReason): void {
    this.#lost++;
    this.losses.inc({ reason });
  }

  watchSpool(spool: Spool, maxBytes: number): void {
    this.#metrics.gauge('face_api_spool_bytes', 'Bytes in the spool, waiting to be stored', () => spool.bytes);
    this.#metrics.gauge('face_api_spool_files', 'Jobs in the spool, waiting to be stored', () => spool.files);
    this.#metrics.gauge('face_api_spool_max_bytes', 'Maximum size of the spool in bytes', () => maxBytes);
    this.#metrics.gauge(
      'face_api_spool_oldest_seconds',
      'Age of the oldest job in the spool',
      () => spool.longestWaitMs / 1000,
    );
    this.#metrics.gauge('face_api_spool_failing', '1 if the spool cannot be written, else 0', () =>
      spool.failure === null ? 0 : 1,
    );
    this.#metrics.gauge(
      'face_api_spool_damaged_files',
      'Damaged spool files that were moved aside',
      () => spool.damaged,
    );
  }
}

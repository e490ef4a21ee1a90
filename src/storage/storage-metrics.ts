import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { Metrics } from '../metrics/metrics.ts';
import type { Spool } from './spool/spool.ts';

export type LossReason = 'spool_full' | 'spool_write' | 'damaged';

/** Counted only where storage is on. */
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
      help: 'Attempts to store a job that failed and are made again',
      registers,
    });
    this.losses = new Counter({
      name: 'face_api_storage_losses_total',
      help: 'Jobs given up, by reason: the spool was full, could not be written, or was damaged',
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
    this.#metrics.gauge('face_api_spool_bytes', 'Bytes on disk that wait to be stored', () => spool.bytes);
    this.#metrics.gauge('face_api_spool_files', 'Jobs on disk that wait to be stored', () => spool.files);
    this.#metrics.gauge('face_api_spool_max_bytes', 'Bytes that may wait to be stored', () => maxBytes);
    this.#metrics.gauge(
      'face_api_spool_oldest_seconds',
      'How long the oldest job has waited to be stored',
      () => spool.longestWaitMs / 1000,
    );
    this.#metrics.gauge('face_api_spool_failing', 'Whether the spool cannot be written: 1 = it cannot', () =>
      spool.failure === null ? 0 : 1,
    );
    this.#metrics.gauge(
      'face_api_spool_damaged_files',
      'Damaged files of the spool that were put aside',
      () => spool.damaged,
    );
  }
}

import { Injectable, Logger } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { Configuration } from '../../config/configuration.ts';
import { Persistence } from '../persistence.ts';
import { TrafficRecords } from '../records/traffic-records.ts';
import { Spool } from '../spool/spool.ts';
import { isSome, Pruner } from './pruner.ts';
import { Reconciler } from './reconciler.ts';
import { retentionLimit } from './retention.ts';

const ACTOR = 'schedule';
/** Retention of traffic statistics if everything else is stored without a limit. */
const TRAFFIC_DAYS = 400;

/** Spool and retention every hour, reconciliation every night. Several instances may run the same schedule. */
@Injectable()
export class MaintenanceSchedule {
  private readonly logger = new Logger('Storage');

  constructor(
    private readonly configuration: Configuration,
    private readonly pruner: Pruner,
    private readonly reconciler: Reconciler,
    private readonly spool: Spool,
    private readonly persistence: Persistence,
    private readonly traffic: TrafficRecords,
  ) {}

  /** Finds jobs that another process left in the spool, and removes unfinished files of crashed processes. */
  @Cron('7 * * * *', { waitForCompletion: true })
  async scanSpool(): Promise<void> {
    await this.attempt('Checking the spool', async () => {
      await this.spool.refresh();
      this.persistence.start();
    });
  }

  @Cron('17 * * * *', { waitForCompletion: true })
  async prune(): Promise<void> {
    const days = this.configuration.storage.retentionDays;
    await this.attempt('Retention', async () => {
      await this.traffic.prune(retentionLimit(days === 0 ? TRAFFIC_DAYS : days));
      if (days === 0) return;
      const pruning = await this.pruner.prune(retentionLimit(days), ACTOR);
      const { jobs, images, damaged } = pruning;
      if (isSome(pruning))
        this.logger.log(`Retention deleted ${jobs} jobs, ${images} images and ${damaged} damaged files`);
    });
  }

  @Cron('43 3 * * *', { waitForCompletion: true })
  async reconcile(): Promise<void> {
    await this.attempt('Reconciliation', async () => {
      const found = await this.reconciler.reconcile(ACTOR);
      if (!found) return;
      const { orphans, missing, stuck } = found;
      const counts = { orphans: orphans.length, missing: missing.length, stuck: stuck.length };
      if (counts.orphans + counts.missing + counts.stuck > 0)
        this.logger.warn(counts, 'Reconciliation repaired storage');
    });
  }

  /** Requests are not affected by a failure: it is logged, and retried at the next scheduled time. */
  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.error({ err: error }, `${what} failed; retrying at the next scheduled time`);
    }
  }
}

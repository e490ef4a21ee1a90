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
/** How long figures of traffic are kept where all else is kept for ever. */
const TRAFFIC_DAYS = 400;

/** The spool and retention by the hour, reconciliation by night. Several instances may run the same schedule. */
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

  /** Finds what another process left in the spool, and removes what one that died left unfinished. */
  @Cron('7 * * * *', { waitForCompletion: true })
  async lookThroughSpool(): Promise<void> {
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

  /** A failure is of no concern to the requests: it is told, and the next time comes. */
  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.logger.error({ err: error }, `${what} failed; retrying at the next scheduled time`);
    }
  }
}

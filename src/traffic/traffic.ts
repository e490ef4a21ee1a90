import { hostname } from 'node:os';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { v7 } from 'uuid';
import { Configuration } from '../config/configuration.ts';
import { RequestSlots } from '../http/request-slots.ts';
import { InferenceSemaphore } from '../inference/inference-semaphore.ts';
import { JobRecorder } from '../storage/job-recorder.ts';
import type { InstanceCondition, InstanceRow } from '../storage/records/instance.entity.ts';
import type { TrafficRow, TrafficSpan } from '../storage/records/traffic.entity.ts';
import { SharedTraffic } from '../storage/stored.ts';
import { VERSION } from '../version.ts';
import { HOUR_MS, MINUTE_MS, RecentMinutes } from './recent-minutes.ts';
import { type Answer, Tally } from './tally.ts';

const SAVE_EVERY_MS = 10_000;
const SPAN_MS: Record<TrafficSpan, number> = { minute: MINUTE_MS, hour: HOUR_MS };

export interface Period {
  /** Inclusive; a multiple of the step since 1970, as `to` is. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Whole minutes. */
  readonly stepMs: number;
}

export interface TrafficStatistics {
  /** service: all processes, over all time; process: this one alone, since it started or a day ago. */
  readonly scope: 'service' | 'process';
  /** One for each step, also where nothing happened. */
  readonly buckets: readonly { readonly at: number; readonly tally: Tally }[];
  readonly totals: Tally;
  readonly instances: readonly InstanceRow[];
}

/**
 * What the service did, by the minute. Each process counts in memory; where there is a database, it writes its minutes,
 * and the hours that they add up to, into a table that all processes share. Each row is a process's own and is written
 * whole, so that writing it again is no mistake: what could not be written is written later.
 */
@Injectable()
export class Traffic implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(Traffic.name);
  private readonly process = v7();
  private readonly recent = new RecentMinutes();
  /** Starts of minutes that changed since they were written. */
  private unsaved = new Set<number>();
  private timer: NodeJS.Timeout | undefined;
  private saving: Promise<void> = Promise.resolve();
  private isFailing = false;

  constructor(
    private readonly configuration: Configuration,
    private readonly slots: RequestSlots,
    private readonly semaphore: InferenceSemaphore,
    private readonly recorder: JobRecorder,
    private readonly shared: SharedTraffic,
  ) {}

  /** Once storage is connected: it would be reported as degraded before. */
  onApplicationBootstrap(): void {
    this.saving = this.save();
    this.timer = setInterval(() => {
      this.saving = this.saving.then(() => this.save());
    }, SAVE_EVERY_MS).unref();
  }

  /** After the last request has been answered, before the database is closed. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.saving;
    await this.save();
    if (!this.isFailing) await this.shared.leave(this.process);
  }

  count(answer: Answer): void {
    this.unsaved.add(this.recent.add(answer));
  }

  async statistics(period: Period): Promise<TrafficStatistics> {
    const shared = await this.readShared(period);
    const tallies = new Map<number, Tally>();
    const tallyAt = (at: number) => {
      const start = at - (at % period.stepMs);
      const tally = tallies.get(start) ?? new Tally();
      tallies.set(start, tally);
      return tally;
    };
    for (const { at, latencies, ...counts } of shared?.rows ?? []) {
      tallyAt(at.getTime()).mergeRow(counts, latencies);
    }
    const span = spanOf(period);
    const end = Math.min(period.to, Date.now() + MINUTE_MS);
    for (let at = Math.max(period.from, this.recent.since); at < end; at += SPAN_MS[span]) {
      const own = this.recent[span](at);
      if (own) tallyAt(at).merge(own);
    }
    const buckets = [];
    const totals = new Tally();
    for (let at = period.from; at < period.to; at += period.stepMs) {
      const tally = tallies.get(at) ?? new Tally();
      totals.merge(tally);
      buckets.push({ at, tally });
    }
    const others = shared?.instances.filter(({ process }) => process !== this.process) ?? [];
    const instances = [...others, await this.describe()];
    return { scope: shared ? 'service' : 'process', buckets, totals, instances };
  }

  /** What the table holds and this process does not know better; null: there is none, or it cannot be read now. */
  private async readShared(period: Period): Promise<{ rows: TrafficRow[]; instances: InstanceRow[] } | null> {
    if (!this.shared.isShared) return null;
    const span = spanOf(period);
    try {
      const [rows, instances] = await Promise.all([
        this.shared.read(span, new Date(period.from), new Date(period.to)),
        this.shared.instances(),
      ]);
      const isBetterKnown = ({ process, at }: TrafficRow) =>
        process === this.process && this.recent[span](at.getTime());
      return { rows: rows.filter((row) => !isBetterKnown(row)), instances };
    } catch (error) {
      this.tell(error);
      return null;
    }
  }

  private async save(): Promise<void> {
    const minutes = this.unsaved;
    this.unsaved = new Set();
    try {
      await this.shared.reportInstance(await this.describe());
      await this.shared.put([...this.rowsOf('minute', minutes), ...this.rowsOf('hour', minutes)]);
      if (this.isFailing) this.logger.log('Traffic statistics are written to the database again');
      this.isFailing = false;
    } catch (error) {
      for (const minute of minutes) this.unsaved.add(minute);
      this.tell(error);
    }
  }

  /** Whatever is not known any more, a day later, is lost. */
  private rowsOf(span: TrafficSpan, minutes: ReadonlySet<number>): TrafficRow[] {
    const starts = new Set([...minutes].map((minute) => minute - (minute % SPAN_MS[span])));
    return [...starts].flatMap((at) => {
      const tally = this.recent[span](at);
      if (!tally) return [];
      return [
        { span, at: new Date(at), process: this.process, ...tally.counts, latencies: tally.latencies.toRecord() },
      ];
    });
  }

  private async describe(): Promise<InstanceRow> {
    return {
      process: this.process,
      name: `${hostname()}:${process.pid}`,
      role: this.configuration.server.role,
      version: VERSION,
      condition: await this.condition(),
      seenAt: new Date(),
    };
  }

  private async condition(): Promise<InstanceCondition> {
    const condition = await this.recorder.condition();
    return {
      inFlight: this.slots.inUse,
      slots: this.slots.limit,
      inferring: this.semaphore.inUse,
      waiting: this.semaphore.waiting,
      spoolFiles: condition?.spoolFiles ?? 0,
      spoolBytes: condition?.spoolBytes ?? 0,
      spoolOldestSeconds: condition?.oldestSeconds ?? 0,
      storage: condition?.status ?? 'off',
    };
  }

  /** Once for each time that the database goes away. */
  private tell(error: unknown): void {
    if (!this.isFailing) {
      this.logger.warn({ err: error }, 'Traffic statistics stay in memory: the database is unavailable');
    }
    this.isFailing = true;
  }
}

/** Hours where they are enough: a month of them is read in no time. */
function spanOf({ from, to, stepMs }: Period): TrafficSpan {
  return [from, to, stepMs].every((value) => value % HOUR_MS === 0) ? 'hour' : 'minute';
}

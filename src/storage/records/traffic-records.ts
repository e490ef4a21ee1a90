import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Database } from './database.ts';
import type { InstanceRow } from './instance.entity.ts';
import { type TrafficRow, type TrafficSpan, trafficEntity } from './traffic.entity.ts';

/** An instance without a report for so long counts as stopped. */
const SEEN_WITHIN_SECONDS = 60;
/** Rows per statement: PostgreSQL accepts 65,535 parameters, and a row has 12. */
const BATCH = 1000;

/** Traffic and state of all processes of the service, in shared tables. */
@Injectable()
export class TrafficRecords {
  readonly isShared = true;

  constructor(
    private readonly database: Database,
    @InjectRepository(trafficEntity) private readonly rows: Repository<TrafficRow>,
  ) {}

  /** Replaces existing rows: each process writes only its own. */
  async put(rows: readonly TrafficRow[]): Promise<void> {
    await this.database.ready();
    for (let start = 0; start < rows.length; start += BATCH) {
      await this.rows.upsert(rows.slice(start, start + BATCH), ['span', 'at', 'process']);
    }
  }

  /** Those that start within the period. */
  async read(span: TrafficSpan, from: Date, to: Date): Promise<TrafficRow[]> {
    await this.database.ready();
    // Raw rows, not entities, because there are thousands. The cast to float8 is needed because bigint would be text.
    return this.rows.query<TrafficRow[]>(
      `SELECT span, at, process, requests, rejected, client_errors AS "clientErrors", server_errors AS "serverErrors",
              faces, masked, bytes_in::float8 AS "bytesIn", bytes_out::float8 AS "bytesOut", latencies
       FROM traffic WHERE span = $1 AND at >= $2 AND at < $3`,
      [span, from, to],
    );
  }

  /** Reports that the instance is running. The time is that of the database, which all instances share. */
  async reportInstance({ process, name, role, version, condition }: Omit<InstanceRow, 'seenAt'>): Promise<void> {
    await this.database.ready();
    await this.rows.query(
      `INSERT INTO instances (process, name, role, version, condition, seen_at) VALUES ($1, $2, $3, $4, $5, now())
       ON CONFLICT (process) DO UPDATE SET condition = excluded.condition, seen_at = excluded.seen_at`,
      [process, name, role, version, JSON.stringify(condition)],
    );
  }

  async leave(process: string): Promise<void> {
    await this.database.ready();
    await this.rows.query(`DELETE FROM instances WHERE process = $1`, [process]);
  }

  async instances(): Promise<InstanceRow[]> {
    await this.database.ready();
    return this.rows.query<InstanceRow[]>(
      `SELECT process, name, role, version, condition, seen_at AS "seenAt" FROM instances
       WHERE seen_at > now() - make_interval(secs => $1) ORDER BY name, process`,
      [SEEN_WITHIN_SECONDS],
    );
  }

  /** Deletes statistics from before the limit, and instances that stopped without a report. */
  async prune(olderThan: Date): Promise<void> {
    await this.database.ready();
    await this.rows.query(`DELETE FROM traffic WHERE at < $1`, [olderThan]);
    await this.rows.query(`DELETE FROM instances WHERE seen_at < now() - interval '1 day'`);
  }
}

import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Database } from './database.ts';
import type { InstanceRow } from './instance.entity.ts';
import { type TrafficRow, type TrafficSpan, trafficEntity } from './traffic.entity.ts';

/** An instance that was not heard of for so long has gone. */
const SEEN_WITHIN_SECONDS = 60;
/** Rows of one statement: PostgreSQL takes 65,535 parameters in all, a row has 12. */
const BATCH = 1000;

/** What all processes of the service did and do, in the tables that they share. */
@Injectable()
export class TrafficRecords {
  readonly isShared = true;

  constructor(
    private readonly database: Database,
    @InjectRepository(trafficEntity) private readonly rows: Repository<TrafficRow>,
  ) {}

  /** Rows that are there already are replaced: each process writes its own alone. */
  async put(rows: readonly TrafficRow[]): Promise<void> {
    await this.database.ready();
    for (let start = 0; start < rows.length; start += BATCH) {
      await this.rows.upsert(rows.slice(start, start + BATCH), ['span', 'at', 'process']);
    }
  }

  /** Those that start within the period. */
  async read(span: TrafficSpan, from: Date, to: Date): Promise<TrafficRow[]> {
    await this.database.ready();
    // As rows, not as entities: there are thousands of them. PostgreSQL's bigint comes as text otherwise.
    return this.rows.query<TrafficRow[]>(
      `SELECT span, at, process, requests, rejected, client_errors AS "clientErrors", server_errors AS "serverErrors",
              faces, masked, bytes_in::float8 AS "bytesIn", bytes_out::float8 AS "bytesOut", latencies
       FROM traffic WHERE span = $1 AND at >= $2 AND at < $3`,
      [span, from, to],
    );
  }

  /** Tells that the instance is there; the time is the database's, which all instances share. */
  async greet({ process, name, role, version, condition }: Omit<InstanceRow, 'seenAt'>): Promise<void> {
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

  /** Forgets figures from before the limit, and instances that went without a word. */
  async prune(olderThan: Date): Promise<void> {
    await this.database.ready();
    await this.rows.query(`DELETE FROM traffic WHERE at < $1`, [olderThan]);
    await this.rows.query(`DELETE FROM instances WHERE seen_at < now() - interval '1 day'`);
  }
}

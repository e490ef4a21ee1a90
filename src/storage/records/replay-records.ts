import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThan, Repository } from 'typeorm';
import { IDEMPOTENCY_HOURS } from '../../config/idempotency.ts';
import { type Claim, type KeyedRequest, type Reply, Replays } from '../replays.ts';
import { Database } from './database.ts';
import { type ReplayRow, replayEntity } from './replay.entity.ts';
import { withDatabase } from './with-database.ts';

const UNAVAILABLE =
  'The answers to requests with an Idempotency-Key are stored in the database, which is unavailable. Try again, or send the request without the key';

const KEPT_MS = IDEMPOTENCY_HOURS * 3_600_000;

@Injectable()
export class ReplayRecords extends Replays {
  override readonly isOn = true;

  constructor(
    private readonly database: Database,
    @InjectRepository(replayEntity) private readonly replays: Repository<ReplayRow>,
  ) {
    super();
  }

  override claim({ digest, fingerprint, imageSha256 }: KeyedRequest, forMs: number): Promise<Claim> {
    return this.withDatabase(async () => {
      const now = new Date();
      await this.replays.delete({ createdAt: LessThan(new Date(now.getTime() - KEPT_MS)) });
      // A row without a response whose time is over belongs to a process that has died.
      const claimed: unknown[] = await this.replays.query(
        `INSERT INTO replays (digest, fingerprint, image_sha256, created_at, claimed_until)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (digest) DO UPDATE SET fingerprint = $2, image_sha256 = $3, created_at = $4, claimed_until = $5
           WHERE replays.body IS NULL AND replays.claimed_until < $4
         RETURNING digest`,
        [digest, fingerprint, imageSha256, now, new Date(now.getTime() + forMs)],
      );
      if (claimed.length > 0) return { state: 'new' };
      const earlier = await this.replays.findOneBy({ digest });
      // It was released or erased in between.
      if (!earlier) return { state: 'running' };
      if (earlier.fingerprint !== fingerprint) return { state: 'other' };
      const { headers, body, isJson } = earlier;
      return headers && body ? { state: 'done', reply: { headers, body, isJson } } : { state: 'running' };
    });
  }

  override async complete({ digest, fingerprint }: KeyedRequest, { headers, body, isJson }: Reply): Promise<void> {
    await this.withDatabase(() => this.replays.update({ digest, fingerprint }, { headers, body, isJson }));
  }

  override async release({ digest, fingerprint }: KeyedRequest): Promise<void> {
    await this.withDatabase(() => this.replays.delete({ digest, fingerprint }));
  }

  private withDatabase<Result>(work: () => Promise<Result>): Promise<Result> {
    return withDatabase(this.database, UNAVAILABLE, work);
  }
}

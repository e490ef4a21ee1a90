import { Injectable } from '@nestjs/common';
import { Listing } from './records/listing.ts';
import { Spool } from './spool/spool.ts';
import type { JobKind, RecordedFace } from './job.ts';

/** What is known of a job, whether it is stored or still in the spool of this data folder */
export interface KnownJob {
  readonly kind: JobKind;
  readonly apiKeyName: string | null;
  /** Null if the job failed */
  readonly faces: readonly RecordedFace[] | null;
  /** Of the original; null: it was lost. */
  readonly imageSha256: string | null;
}

/** Finds jobs from the moment at which their response is sent. */
@Injectable()
export class SpooledJobs {
  constructor(
    private readonly spool: Spool,
    private readonly listing: Listing,
  ) {}

  /** The job, if it is still in the spool */
  async waiting(id: string): Promise<KnownJob | null> {
    const record = (await this.spool.find(id))?.record ?? null;
    return record && { ...record, imageSha256: record.original?.sha256 ?? null };
  }

  async find(id: string): Promise<KnownJob | null> {
    // The spool first: a job leaves it when its row exists.
    const waiting = await this.waiting(id);
    if (waiting) return waiting;
    const row = await this.listing.job(id);
    return row && { ...row, imageSha256: row.image?.sha256 ?? null };
  }
}

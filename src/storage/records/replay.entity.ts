import { EntitySchema } from 'typeorm';

/** The response to a request with an idempotency key */
export interface ReplayRow {
  digest: string;
  fingerprint: string;
  imageSha256: string;
  createdAt: Date;
  /** Until then, the request is being processed, if it has no response. */
  claimedUntil: Date;
  headers: Record<string, string> | null;
  body: Buffer | null;
  isJson: boolean;
}

export const replayEntity = new EntitySchema<ReplayRow>({
  name: 'Replay',
  tableName: 'replays',
  columns: {
    digest: { type: 'text', primary: true, primaryKeyConstraintName: 'replays_pkey' },
    fingerprint: { type: 'text' },
    imageSha256: { name: 'image_sha256', type: 'text' },
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3 },
    claimedUntil: { name: 'claimed_until', type: 'timestamptz', precision: 3 },
    headers: { type: 'jsonb', nullable: true },
    body: { type: 'bytea', nullable: true },
    isJson: { name: 'is_json', type: 'boolean', default: false },
  },
  indices: [
    { name: 'replays_image_sha256', columns: ['imageSha256'] },
    { name: 'replays_created_at', columns: ['createdAt'] },
  ],
});

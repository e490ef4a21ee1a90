import { EntitySchema } from 'typeorm';
import type { RecordedMask } from '../job.ts';

export interface VisibleFace {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** Why it stays visible */
  readonly reason: string;
}

/** pending: it makes faces visible, and waits for a second person. */
export type VersionState = 'approved' | 'pending';

/** One version of the masked image. Rows are never changed, except that a pending one is approved. */
export interface VersionRow {
  /** That of the first version is the ID of the job with the result. */
  id: string;
  imageId: string;
  /** From 1, in the order in which they were made */
  number: number;
  state: VersionState;
  /** ID of the version that was changed; null: the first. */
  basedOn: string | null;
  masks: RecordedMask[];
  visible: VisibleFace[];
  /** Options of the rendering, the same for all versions of an image */
  settings: object;
  /** As in the audit log; null: the service, by a job. */
  author: string | null;
  reason: string | null;
  note: string | null;
  /** Whether a pixel is visible that the version before masks. */
  uncovers: boolean;
  approvedBy: string | null;
  receipt: string | null;
  /** Null: the object is lost. */
  objectKey: string | null;
  type: string;
  bytes: number;
  sha256: string;
  previousSha256: string | null;
  createdAt: Date;
}

export const versionEntity = new EntitySchema<VersionRow>({
  name: 'Version',
  tableName: 'versions',
  columns: {
    id: { type: 'uuid', primary: true, primaryKeyConstraintName: 'versions_pkey' },
    imageId: { name: 'image_id', type: 'uuid' },
    number: { type: 'integer' },
    state: { type: 'text' },
    basedOn: { name: 'based_on', type: 'uuid', nullable: true },
    masks: { type: 'jsonb' },
    visible: { type: 'jsonb' },
    settings: { type: 'jsonb' },
    author: { type: 'text', nullable: true },
    reason: { type: 'text', nullable: true },
    note: { type: 'text', nullable: true },
    uncovers: { type: 'boolean' },
    approvedBy: { name: 'approved_by', type: 'text', nullable: true },
    receipt: { type: 'text', nullable: true },
    objectKey: { name: 'object_key', type: 'text', nullable: true },
    type: { type: 'text' },
    bytes: { type: 'integer' },
    sha256: { type: 'text' },
    previousSha256: { name: 'previous_sha256', type: 'text', nullable: true },
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3 },
  },
  foreignKeys: [
    {
      name: 'versions_image_id_fkey',
      target: 'Image',
      columnNames: ['imageId'],
      referencedColumnNames: ['id'],
    },
  ],
  checks: [{ name: 'versions_state', expression: `state = ANY (ARRAY['approved'::text, 'pending'::text])` }],
  indices: [{ name: 'versions_image_number', columns: ['imageId', 'number'], unique: true }],
});

import { EntitySchema } from 'typeorm';

/**
 * waiting: not processed yet, or to be retried; done: it has its result; failed: it cannot succeed, such as a file that is no
 * image; dead: every retry failed; canceled: its batch was canceled first.
 */
export type BatchItemState = 'waiting' | 'done' | 'failed' | 'dead' | 'canceled';

/** One image of a batch */
export interface BatchItemRow {
  batchId: string;
  /** From 0, in the order in which the files arrived */
  position: number;
  /** Path of the file at its source, made safe for an archive */
  name: string;
  /** Name of its result in S3 without an extension that the format adds; null: as `name`. */
  resultName: string | null;
  state: BatchItemState;
  /** How often processing was started */
  attempts: number;
  /** Time of the next attempt; null: now. */
  notBefore: Date | null;
  /** In the object store; null: the file was rejected when it arrived, or is at `inputUrl`. */
  inputKey: string | null;
  /** Where a worker reads the file; null as soon as it is not needed any more. */
  inputUrl: string | null;
  inputBytes: number | null;
  inputSha256: string | null;
  errorCode: string | null;
  errorDetail: string | null;
  /** What was found and masked */
  outcome: object | null;
  /** The masked image, in the object store or in the output of the batch; null: there is none. */
  resultKey: string | null;
  resultType: string | null;
  resultBytes: number | null;
  resultSha256: string | null;
  /** CRC-32, for the archive */
  resultCrc: string | null;
  finishedAt: Date | null;
}

/** Without a foreign key: rows are written while their batch is received, many at a time, and deleted with it. */
export const batchItemEntity = new EntitySchema<BatchItemRow>({
  name: 'BatchItem',
  tableName: 'batch_items',
  columns: {
    batchId: { name: 'batch_id', type: 'uuid', primary: true, primaryKeyConstraintName: 'batch_items_pkey' },
    position: { type: 'integer', primary: true, primaryKeyConstraintName: 'batch_items_pkey' },
    name: { type: 'text' },
    resultName: { name: 'result_name', type: 'text', nullable: true },
    state: { type: 'text', default: 'waiting' },
    attempts: { type: 'integer', default: 0 },
    notBefore: { name: 'not_before', type: 'timestamptz', precision: 3, nullable: true },
    inputKey: { name: 'input_key', type: 'text', nullable: true },
    inputUrl: { name: 'input_url', type: 'text', nullable: true },
    inputBytes: { name: 'input_bytes', type: 'integer', nullable: true },
    inputSha256: { name: 'input_sha256', type: 'text', nullable: true },
    errorCode: { name: 'error_code', type: 'text', nullable: true },
    errorDetail: { name: 'error_detail', type: 'text', nullable: true },
    outcome: { type: 'jsonb', nullable: true },
    resultKey: { name: 'result_key', type: 'text', nullable: true },
    resultType: { name: 'result_type', type: 'text', nullable: true },
    resultBytes: { name: 'result_bytes', type: 'integer', nullable: true },
    resultSha256: { name: 'result_sha256', type: 'text', nullable: true },
    resultCrc: { name: 'result_crc', type: 'bigint', nullable: true },
    finishedAt: { name: 'finished_at', type: 'timestamptz', precision: 3, nullable: true },
  },
  checks: [
    {
      name: 'batch_items_state',
      expression: `state = ANY (ARRAY['waiting'::text, 'done'::text, 'failed'::text, 'dead'::text, 'canceled'::text])`,
    },
  ],
  indices: [
    { name: 'batch_items_waiting', columns: ['batchId', 'position'], where: `state = 'waiting'` },
    {
      name: 'batch_items_unsuccessful',
      columns: ['batchId', 'state', 'position'],
      where: `state = ANY (ARRAY['failed'::text, 'dead'::text])`,
    },
  ],
});

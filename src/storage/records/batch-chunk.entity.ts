import { EntitySchema } from 'typeorm';

/** Some 100 neighboring items of a batch that a worker processes in one go: each row has a job in the queue. */
export interface BatchChunkRow {
  /** Also the ID of the job in the queue */
  id: string;
  batchId: string;
  apiKeyName: string | null;
  firstPosition: number;
  lastPosition: number;
  createdAt: Date;
}

export const batchChunkEntity = new EntitySchema<BatchChunkRow>({
  name: 'BatchChunk',
  tableName: 'batch_chunks',
  columns: {
    id: { type: 'uuid', primary: true, primaryKeyConstraintName: 'batch_chunks_pkey' },
    batchId: { name: 'batch_id', type: 'uuid' },
    apiKeyName: { name: 'api_key_name', type: 'text', nullable: true },
    firstPosition: { name: 'first_position', type: 'integer' },
    lastPosition: { name: 'last_position', type: 'integer' },
    createdAt: { name: 'created_at', type: 'timestamptz', precision: 3, default: () => 'now()' },
  },
  indices: [
    { name: 'batch_chunks_key', columns: ['apiKeyName'] },
    { name: 'batch_chunks_batch', columns: ['batchId'] },
  ],
});

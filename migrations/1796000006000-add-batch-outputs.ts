import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Batches whose results are written to a folder in S3. */
export class AddBatchOutputs1796000006000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE batches ADD output jsonb, DROP CONSTRAINT batches_state, ADD CONSTRAINT batches_state
         CHECK (state IN ('receiving', 'listing', 'active', 'finishing', 'done', 'canceled', 'failed'))`,
    );
    await runner.query(`ALTER TABLE batch_items ADD result_name text`);
    await runner.query(`ALTER TABLE audit ADD place text`);
  }

  /** Batches with such results go: without them, their objects would be taken for stored ones. */
  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['batch_chunks', 'batch_items']) {
      await runner.query(`DELETE FROM ${table} WHERE batch_id IN (SELECT id FROM batches WHERE output IS NOT NULL)`);
    }
    await runner.query(`DELETE FROM batches WHERE output IS NOT NULL`);
    await runner.query(
      `ALTER TABLE batches DROP COLUMN output, DROP CONSTRAINT batches_state, ADD CONSTRAINT batches_state
         CHECK (state IN ('receiving', 'listing', 'active', 'done', 'canceled', 'failed'))`,
    );
    await runner.query(`ALTER TABLE batch_items DROP COLUMN result_name`);
    await runner.query(`ALTER TABLE audit DROP COLUMN place`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Batches whose images a worker finds in a folder in S3. */
export class AddBatchListings1796000002100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE batches ADD source jsonb, ADD source_cursor text, ADD error_code text, ADD error_detail text,
         DROP CONSTRAINT batches_state,
         ADD CONSTRAINT batches_state CHECK (state IN ('receiving', 'listing', 'active', 'done', 'canceled', 'failed'))`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM batches WHERE state IN ('listing', 'failed')`);
    await runner.query(
      `ALTER TABLE batches DROP COLUMN source, DROP COLUMN source_cursor, DROP COLUMN error_code, DROP COLUMN error_detail,
         DROP CONSTRAINT batches_state,
         ADD CONSTRAINT batches_state CHECK (state IN ('receiving', 'active', 'done', 'canceled'))`,
    );
  }
}

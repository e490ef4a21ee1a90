import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The trace context of the request that sent a batch. */
export class AddBatchTrace1796000001500 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE batches ADD trace jsonb`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE batches DROP COLUMN trace`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Items of batches whose file is not sent, but read by a worker. */
export class AddBatchSources1796000002000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE batch_items ADD input_url text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE batch_items DROP COLUMN input_url`);
  }
}

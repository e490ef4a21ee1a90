import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What came of the metadata that a job was asked to carry. */
export class AddMetadata1796000005000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE jobs ADD metadata jsonb`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE jobs DROP COLUMN metadata`);
  }
}

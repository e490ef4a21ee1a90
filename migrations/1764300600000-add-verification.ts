import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The outcome of the verification of a job, and its options in force. */
export class AddVerification1764300600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE jobs ADD settings jsonb, ADD verification jsonb`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE jobs DROP COLUMN settings, DROP COLUMN verification`);
  }
}

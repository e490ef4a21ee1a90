import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The named user of a session of the console. */
export class AddSessionUser1796000003000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE sessions ADD user_name text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE sessions DROP COLUMN user_name`);
  }
}

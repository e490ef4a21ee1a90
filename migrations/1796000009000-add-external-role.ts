import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The role with which an identity provider let somebody in to the console. */
export class AddExternalRole1796000009000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE sessions ADD external_role text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE sessions DROP COLUMN external_role`);
  }
}

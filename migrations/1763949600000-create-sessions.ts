import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Sessions of the console: a few rows, read by their key, so that they need no further index. */
export class CreateSessions1763949600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE sessions (
        digest text CONSTRAINT sessions_pkey PRIMARY KEY,
        password text NOT NULL,
        created_at timestamptz(3) NOT NULL,
        last_seen_at timestamptz(3) NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE sessions`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Responses to requests with an idempotency key, for 24 hours. The bytes are compressed already, so they are stored as they are. */
export class CreateReplays1764300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE replays (
        digest text CONSTRAINT replays_pkey PRIMARY KEY,
        fingerprint text NOT NULL,
        image_sha256 text NOT NULL,
        created_at timestamptz(3) NOT NULL,
        claimed_until timestamptz(3) NOT NULL,
        headers jsonb,
        body bytea,
        is_json boolean NOT NULL DEFAULT false
      )`);
    await runner.query(`ALTER TABLE replays ALTER COLUMN body SET STORAGE EXTERNAL`);
    await runner.query(`CREATE INDEX replays_image_sha256 ON replays (image_sha256)`);
    await runner.query(`CREATE INDEX replays_created_at ON replays (created_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE replays`);
  }
}

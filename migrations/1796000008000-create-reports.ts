import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Reports of people without an account on a masked image; erased with the image. */
export class CreateReports1796000008000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE reports (
        id uuid CONSTRAINT reports_pkey PRIMARY KEY,
        image_id uuid NOT NULL CONSTRAINT reports_image_id_fkey REFERENCES images ON DELETE CASCADE,
        version_number integer NOT NULL,
        x double precision,
        y double precision,
        message text NOT NULL,
        created_at timestamptz(3) NOT NULL
      )`);
    await runner.query(`CREATE INDEX reports_image ON reports (image_id, created_at, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE reports`);
  }
}

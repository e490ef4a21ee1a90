import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The masks of a job, and the versions of a masked image. */
export class CreateVersions1796000003001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE jobs ADD masks jsonb`);
    await runner.query(`
      CREATE TABLE versions (
        id uuid CONSTRAINT versions_pkey PRIMARY KEY,
        image_id uuid NOT NULL CONSTRAINT versions_image_id_fkey REFERENCES images,
        number integer NOT NULL,
        state text NOT NULL,
        based_on uuid,
        masks jsonb NOT NULL,
        visible jsonb NOT NULL,
        settings jsonb NOT NULL,
        author text,
        reason text,
        note text,
        uncovers boolean NOT NULL,
        approved_by text,
        receipt text,
        object_key text,
        type text NOT NULL,
        bytes integer NOT NULL,
        sha256 text NOT NULL,
        previous_sha256 text,
        created_at timestamptz(3) NOT NULL,
        CONSTRAINT versions_state CHECK (state IN ('approved', 'pending'))
      )`);
    await runner.query(`CREATE UNIQUE INDEX versions_image_number ON versions (image_id, number)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE versions`);
    await runner.query(`ALTER TABLE jobs DROP COLUMN masks`);
  }
}

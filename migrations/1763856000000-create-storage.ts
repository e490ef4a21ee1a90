import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Images, jobs and the audit, with an index for each way in which the console pages through them. */
export class CreateStorage1763856000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE images (
        id uuid CONSTRAINT images_pkey PRIMARY KEY,
        sha256 text NOT NULL,
        type text NOT NULL,
        bytes integer NOT NULL,
        width integer,
        height integer,
        face_count integer,
        object_key text,
        created_at timestamptz(3) NOT NULL,
        last_used_at timestamptz(3) NOT NULL
      )`);
    await runner.query(`CREATE UNIQUE INDEX images_sha256 ON images (sha256)`);
    await runner.query(`CREATE INDEX images_created ON images (created_at, id)`);
    await runner.query(`CREATE INDEX images_last_used ON images (last_used_at, id)`);
    await runner.query(`CREATE INDEX images_face_count ON images (face_count, created_at, id)`);
    await runner.query(`CREATE INDEX images_type ON images (type, created_at, id)`);
    await runner.query(`
      CREATE TABLE jobs (
        id uuid CONSTRAINT jobs_pkey PRIMARY KEY,
        kind text NOT NULL CONSTRAINT jobs_kind CHECK (kind = ANY (ARRAY['detect'::text, 'mask'::text])),
        status text NOT NULL CONSTRAINT jobs_status CHECK (status = ANY (ARRAY['done'::text, 'failed'::text])),
        image_id uuid CONSTRAINT jobs_image_id_fkey REFERENCES images (id),
        options jsonb NOT NULL,
        faces jsonb,
        face_count integer,
        masked_count integer,
        timings jsonb NOT NULL,
        duration_ms double precision NOT NULL,
        model_name text NOT NULL,
        model_sha256 text NOT NULL,
        error_code text,
        error_detail text,
        request_id text NOT NULL,
        api_key_name text,
        result_key text,
        result_type text,
        result_bytes integer,
        result_sha256 text,
        created_at timestamptz(3) NOT NULL,
        stored_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await runner.query(`CREATE INDEX jobs_created ON jobs (created_at, id)`);
    await runner.query(`CREATE INDEX jobs_kind_created ON jobs (kind, created_at, id)`);
    await runner.query(`CREATE INDEX jobs_status_created ON jobs (status, created_at, id)`);
    await runner.query(`CREATE INDEX jobs_model_created ON jobs (model_name, created_at, id)`);
    await runner.query(
      `CREATE INDEX jobs_error_created ON jobs (error_code, created_at, id) WHERE error_code IS NOT NULL`,
    );
    await runner.query(`CREATE INDEX jobs_face_count ON jobs (face_count, created_at, id)`);
    await runner.query(`CREATE INDEX jobs_image ON jobs (image_id, created_at, id)`);
    await runner.query(`CREATE INDEX jobs_request ON jobs (request_id)`);
    await runner.query(`
      CREATE TABLE audit (
        id uuid CONSTRAINT audit_pkey PRIMARY KEY,
        action text NOT NULL,
        actor text NOT NULL,
        subject uuid,
        counts jsonb NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await runner.query(`CREATE INDEX audit_created ON audit (created_at, id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE audit`);
    await runner.query(`DROP TABLE jobs`);
    await runner.query(`DROP TABLE images`);
  }
}

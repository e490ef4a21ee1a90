import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Jobs in the order of their duration, also of each filter, and the search for IDs by their end and for digests. */
export class AddSearch1796000004000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX jobs_duration ON jobs (duration_ms, id)`);
    await runner.query(`CREATE INDEX jobs_kind_duration ON jobs (kind, duration_ms, id)`);
    await runner.query(`CREATE INDEX jobs_status_duration ON jobs (status, duration_ms, id)`);
    await runner.query(`CREATE INDEX jobs_model_duration ON jobs (model_name, duration_ms, id)`);
    await runner.query(
      `CREATE INDEX jobs_error_duration ON jobs (error_code, duration_ms, id) WHERE error_code IS NOT NULL`,
    );
    await runner.query(`CREATE INDEX jobs_result_sha256 ON jobs (result_sha256) WHERE result_sha256 IS NOT NULL`);
    await runner.query(`CREATE INDEX jobs_id_end ON jobs (reverse(id::text) text_pattern_ops)`);
    await runner.query(`CREATE INDEX images_id_end ON images (reverse(id::text) text_pattern_ops)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX images_id_end, jobs_id_end, jobs_result_sha256, jobs_error_duration, jobs_model_duration,
        jobs_status_duration, jobs_kind_duration, jobs_duration`);
  }
}

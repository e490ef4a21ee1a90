import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many faces of a masking are uncertain, and an index of the jobs that have some, to be reviewed. */
export class AddUncertainCount1764286000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE jobs ADD uncertain_count integer`);
    await runner.query(`CREATE INDEX jobs_uncertain_created ON jobs (created_at, id) WHERE uncertain_count > 0`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX jobs_uncertain_created`);
    await runner.query(`ALTER TABLE jobs DROP COLUMN uncertain_count`);
  }
}

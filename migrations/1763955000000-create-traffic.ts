import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What each process did, minute by minute and hour by hour, and how it fares. Read by time, written by key. */
export class CreateTraffic1763955000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE traffic (
        span text NOT NULL CONSTRAINT traffic_span CHECK (span = ANY (ARRAY['minute'::text, 'hour'::text])),
        at timestamptz(3) NOT NULL,
        process uuid NOT NULL,
        requests integer NOT NULL,
        rejected integer NOT NULL,
        client_errors integer NOT NULL,
        server_errors integer NOT NULL,
        faces integer NOT NULL,
        masked integer NOT NULL,
        bytes_in bigint NOT NULL,
        bytes_out bigint NOT NULL,
        latencies jsonb NOT NULL,
        CONSTRAINT traffic_pkey PRIMARY KEY (span, at, process)
      )`);
    await runner.query(`
      CREATE TABLE instances (
        process uuid CONSTRAINT instances_pkey PRIMARY KEY,
        name text NOT NULL,
        role text NOT NULL,
        version text NOT NULL,
        condition jsonb NOT NULL,
        seen_at timestamptz(3) NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE instances`);
    await runner.query(`DROP TABLE traffic`);
  }
}

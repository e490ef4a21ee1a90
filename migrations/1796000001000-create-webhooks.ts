import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where a batch wants its webhook, the deliveries of webhooks, and the attempts at them. */
export class CreateWebhooks1796000001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE batches ADD webhook text`);
    await runner.query(`
      CREATE TABLE webhook_deliveries (
        id uuid CONSTRAINT webhook_deliveries_pkey PRIMARY KEY,
        batch_id uuid NOT NULL,
        url text NOT NULL,
        kind text NOT NULL,
        batch_state text NOT NULL,
        counts jsonb NOT NULL,
        state text NOT NULL DEFAULT 'waiting',
        job_id uuid NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        failures integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz(3) DEFAULT now(),
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        started_at timestamptz(3) NOT NULL DEFAULT now(),
        CONSTRAINT webhook_deliveries_state CHECK (state IN ('waiting', 'delivered', 'failed'))
      )`);
    await runner.query(`CREATE INDEX webhook_deliveries_batch ON webhook_deliveries (batch_id)`);
    await runner.query(`CREATE INDEX webhook_deliveries_job ON webhook_deliveries (job_id)`);
    await runner.query(
      `CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (next_attempt_at) WHERE state = 'waiting'`,
    );
    await runner.query(`
      CREATE TABLE webhook_attempts (
        delivery_id uuid NOT NULL,
        number integer NOT NULL,
        started_at timestamptz(3) NOT NULL,
        duration_ms integer NOT NULL,
        status integer,
        error text,
        CONSTRAINT webhook_attempts_pkey PRIMARY KEY (delivery_id, number)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE webhook_attempts`);
    await runner.query(`DROP TABLE webhook_deliveries`);
    await runner.query(`ALTER TABLE batches DROP COLUMN webhook`);
  }
}

import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Batches with their items, and the chunks of items that are in the queue. */
export class CreateBatches1764298000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE batches (
        id uuid CONSTRAINT batches_pkey PRIMARY KEY,
        state text NOT NULL,
        kind text,
        options jsonb NOT NULL,
        api_key_name text,
        request_id text NOT NULL,
        idempotency_key text,
        fingerprint text,
        priority integer NOT NULL DEFAULT 0,
        item_count integer NOT NULL DEFAULT 0,
        done_count integer NOT NULL DEFAULT 0,
        failed_count integer NOT NULL DEFAULT 0,
        dead_count integer NOT NULL DEFAULT 0,
        canceled_count integer NOT NULL DEFAULT 0,
        next_position integer NOT NULL DEFAULT 0,
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        finished_at timestamptz(3),
        CONSTRAINT batches_state CHECK (state IN ('receiving', 'active', 'done', 'canceled'))
      )`);
    await runner.query(`CREATE INDEX batches_created ON batches (created_at, id)`);
    await runner.query(`CREATE INDEX batches_key_created ON batches (api_key_name, created_at, id)`);
    await runner.query(`CREATE INDEX batches_unfinished ON batches (api_key_name) WHERE state = 'active'`);
    await runner.query(
      `CREATE INDEX batches_idempotency ON batches (idempotency_key) WHERE idempotency_key IS NOT NULL`,
    );
    // Each item is updated twice: room in its page keeps the update out of the indexes.
    await runner.query(`
      CREATE TABLE batch_items (
        batch_id uuid NOT NULL,
        position integer NOT NULL,
        name text NOT NULL,
        state text NOT NULL DEFAULT 'waiting',
        attempts integer NOT NULL DEFAULT 0,
        not_before timestamptz(3),
        input_key text,
        input_bytes integer,
        input_sha256 text,
        error_code text,
        error_detail text,
        outcome jsonb,
        result_key text,
        result_type text,
        result_bytes integer,
        result_sha256 text,
        result_crc bigint,
        finished_at timestamptz(3),
        CONSTRAINT batch_items_pkey PRIMARY KEY (batch_id, position),
        CONSTRAINT batch_items_state CHECK (state IN ('waiting', 'done', 'failed', 'dead', 'canceled'))
      ) WITH (fillfactor = 50)`);
    await runner.query(`CREATE INDEX batch_items_waiting ON batch_items (batch_id, position) WHERE state = 'waiting'`);
    await runner.query(
      `CREATE INDEX batch_items_unsuccessful ON batch_items (batch_id, state, position) WHERE state IN ('failed', 'dead')`,
    );
    await runner.query(`
      CREATE TABLE batch_chunks (
        id uuid CONSTRAINT batch_chunks_pkey PRIMARY KEY,
        batch_id uuid NOT NULL,
        api_key_name text,
        first_position integer NOT NULL,
        last_position integer NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await runner.query(`CREATE INDEX batch_chunks_key ON batch_chunks (api_key_name)`);
    await runner.query(`CREATE INDEX batch_chunks_batch ON batch_chunks (batch_id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE batch_chunks`);
    await runner.query(`DROP TABLE batch_items`);
    await runner.query(`DROP TABLE batches`);
  }
}

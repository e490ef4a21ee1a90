import type { MigrationInterface, QueryRunner } from 'typeorm';

const REASONS = [
  'reported',
  'unverified',
  'verification_added',
  'uncertain_faces',
  'cut_faces',
  'small_faces',
  'coarse_search',
];

/** The queue of masked images that somebody has to look at, who works on which, and what was decided. */
export class CreateReviews1796000007000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE reviews (
        image_id uuid CONSTRAINT reviews_pkey PRIMARY KEY CONSTRAINT reviews_image_id_fkey REFERENCES images,
        job_id uuid NOT NULL,
        masked_at timestamptz(3) NOT NULL,
        state text NOT NULL DEFAULT 'open',
        doubts jsonb NOT NULL,
        doubt integer NOT NULL,
        decided_by text,
        decided_at timestamptz(3),
        version_id uuid,
        note text,
        CONSTRAINT reviews_state CHECK (state IN ('open', 'approved', 'sent_back'))
      )`);
    await runner.query(`
      CREATE TABLE review_claims (
        image_id uuid CONSTRAINT review_claims_pkey PRIMARY KEY
          CONSTRAINT review_claims_image_id_fkey REFERENCES reviews ON DELETE CASCADE,
        holder text NOT NULL,
        actor text NOT NULL,
        since timestamptz(3) NOT NULL,
        until timestamptz(3) NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE review_decisions (
        id uuid CONSTRAINT review_decisions_pkey PRIMARY KEY,
        image_id uuid NOT NULL CONSTRAINT review_decisions_image_id_fkey REFERENCES reviews ON DELETE CASCADE,
        decision text NOT NULL,
        actor text NOT NULL,
        seconds double precision,
        faces integer NOT NULL,
        changes integer NOT NULL,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      )`);
    await runner.query(FILL);
    await runner.query(`CREATE INDEX reviews_doubt ON reviews (state, doubt, image_id)`);
    for (const reason of REASONS) {
      await runner.query(
        `CREATE INDEX reviews_${reason} ON reviews (state, doubt, image_id) WHERE doubts ? '${reason}'`,
      );
    }
    await runner.query(`CREATE INDEX reviews_masked ON reviews (state, masked_at, image_id)`);
    await runner.query(`CREATE INDEX reviews_job ON reviews (job_id)`);
    await runner.query(`CREATE INDEX review_claims_holder ON review_claims (holder)`);
    await runner.query(`CREATE INDEX review_decisions_created ON review_decisions (created_at)`);
    await runner.query(`CREATE INDEX review_decisions_image ON review_decisions (image_id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE review_decisions, review_claims, reviews`);
  }
}

/**
 * The newest masking of each image whose masks are stored. Jobs do not tell how hard they looked for faces, so the reasons
 * that depend on it are left out.
 */
const FILL = `
  INSERT INTO reviews (image_id, job_id, masked_at, doubts, doubt)
  SELECT image_id, job_id, masked_at, coalesce(jsonb_object_agg(reason, times) FILTER (WHERE times > 0), '{}'),
    coalesce(sum(weight + least(times, 9)) FILTER (WHERE times > 0), 0)
  FROM (
    SELECT DISTINCT ON (image_id) image_id, id AS job_id, created_at AS masked_at, faces, uncertain_count, verification
    FROM jobs
    WHERE kind = 'mask' AND status = 'done' AND result_key IS NOT NULL AND masks IS NOT NULL AND image_id IS NOT NULL
    ORDER BY image_id, created_at DESC, id DESC
  ) job
  JOIN images ON images.id = image_id,
  LATERAL (
    SELECT count(*) AS faces
    FROM jsonb_array_elements(coalesce(job.faces, '[]')) face,
      LATERAL jsonb_to_record(face -> 'box') AS box (
        "left" double precision, top double precision, "right" double precision, bottom double precision)
    WHERE box."left" < 0.05 * (box."right" - box."left") OR box."right" > width - 0.05 * (box."right" - box."left")
      OR box.top < 0.05 * (box.bottom - box.top) OR box.bottom > height - 0.05 * (box.bottom - box.top)
  ) cut,
  LATERAL (VALUES
    ('unverified', 40, CASE WHEN verification ->> 'outcome' = 'incomplete' THEN 1 ELSE 0 END),
    ('verification_added', 30, coalesce(jsonb_array_length(verification -> 'added_boxes'), 0)),
    ('uncertain_faces', 20, coalesce(uncertain_count, 0)),
    ('cut_faces', 10, cut.faces::integer)
  ) doubts (reason, weight, times)
  GROUP BY image_id, job_id, masked_at`;

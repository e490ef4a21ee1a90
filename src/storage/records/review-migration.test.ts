import { v7 } from 'uuid';
import { DataSource } from 'typeorm';
import { expect, it } from 'vitest';
import { finishedJob } from '../../../test/fixtures/stored-jobs.ts';
import { createTestDatabase } from '../../../test/fixtures/test-database.ts';
import { doubtsOf, scoreOf } from '../doubts.ts';
import type { FinishedJob, RecordedFace } from '../job.ts';
import { dataSourceOptions, loadMigrations } from './data-source.ts';

const size = { width: 1000, height: 800 };
const face = (left: number, top: number, uncertain = false): RecordedFace => {
  const box = { left, top, right: left + 100, bottom: top + 120 };
  return { box, box_normalized: box, score: 0.6, ...(uncertain && { uncertain: true as const }) };
};
const masking = (day: number, faces: RecordedFace[], more: Partial<FinishedJob> = {}): FinishedJob =>
  finishedJob({
    createdAt: `2026-01-0${day}T00:00:00.000Z`,
    faces,
    uncertainCount: faces.filter(({ uncertain }) => uncertain).length,
    masks: [],
    size,
    ...more,
  });
const box = { left: 1, top: 2, right: 3, bottom: 4 };

const IMAGES: readonly (readonly FinishedJob[])[] = [
  [masking(1, [face(300, 300)])],
  [masking(1, [face(300, 300, true), face(2, 300), face(300, 676), face(1, 1, true)])],
  [
    masking(1, [face(1, 300)]),
    masking(3, [face(300, 300)], {
      verification: { outcome: 'incomplete', rounds: 3, added_boxes: [box, box] },
    }),
    masking(2, [face(300, 300, true)]),
  ],
  // Not in the queue: only searched, and masked without a list of masks
  [masking(1, [face(1, 1)], { kind: 'detect', result: null, masks: null })],
  [masking(1, [face(1, 1)], { masks: null })],
];

it('the migration that creates the queue fills it with the newest masking of each image, and counts as new jobs do', async () => {
  const database = await createTestDatabase();
  const migrations = await loadMigrations();
  const dataSource = await new DataSource({ ...dataSourceOptions(database.url), migrations }).initialize();
  try {
    await dataSource.runMigrations({ transaction: 'all' });
    const hasQueue = () => dataSource.query<unknown[]>(`SELECT FROM pg_tables WHERE tablename = 'reviews'`);
    while ((await hasQueue()).length > 0) await dataSource.undoLastMigration({ transaction: 'all' });
    const expected: unknown[] = [];
    for (const jobs of IMAGES) {
      const imageId = v7();
      await dataSource.query(
        `INSERT INTO images (id, sha256, type, bytes, width, height, created_at, last_used_at)
         VALUES ($1, $2, 'jpeg', 1, $3, $4, now(), now())`,
        [imageId, imageId, size.width, size.height],
      );
      for (const job of jobs) await insert(dataSource, job, imageId);
      const newest = jobs.toSorted((a, b) => a.createdAt.localeCompare(b.createdAt)).at(-1)!;
      if (!newest.masks || newest.kind === 'detect') continue;
      const doubts = doubtsOf(newest);
      expected.push({ image_id: imageId, job_id: newest.id, state: 'open', doubts, doubt: scoreOf(doubts) });
    }
    await dataSource.runMigrations({ transaction: 'all' });
    const rows = await dataSource.query<unknown[]>(
      'SELECT image_id, job_id, state, doubts, doubt FROM reviews ORDER BY image_id',
    );
    expect(rows).toEqual(expected);
    expect(rows).toHaveLength(3);
    expect(rows[1]).toMatchObject({ doubts: { uncertain_faces: 2, cut_faces: 3 } });
    expect(rows[2]).toMatchObject({ doubts: { unverified: 1, verification_added: 2 } });
  } finally {
    await dataSource.destroy();
    await database.close();
  }
});

async function insert(dataSource: DataSource, job: FinishedJob, imageId: string): Promise<void> {
  await dataSource.query(
    `INSERT INTO jobs (id, kind, status, image_id, options, faces, uncertain_count, verification, masks, timings, duration_ms,
       model_name, model_sha256, request_id, result_key, created_at)
     VALUES ($1, $2, 'done', $3, '{}', $4, $5, $6, $7, '{}', 1, '', '', '', $8, $9)`,
    [
      job.id,
      job.kind,
      imageId,
      JSON.stringify(job.faces),
      job.uncertainCount,
      job.verification ? JSON.stringify(job.verification) : null,
      job.masks ? JSON.stringify(job.masks) : null,
      job.result && 'a key',
      job.createdAt,
    ],
  );
}

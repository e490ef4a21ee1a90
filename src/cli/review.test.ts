import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { v7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, runFaceApi } from '../../test/fixtures/command-line.ts';
import { makeDataFolder } from '../../test/fixtures/data-folder.ts';
import { type OpenedStorage, openStorage } from '../../test/fixtures/opened-storage.ts';
import { crowd, encode } from '../../test/fixtures/portraits.ts';
import { finishedJob } from '../../test/fixtures/stored-jobs.ts';
import type { FinishedJob, RecordedMask } from '../storage/job.ts';
import type { VersionRow } from '../storage/records/version.entity.ts';
import { VersionArchive } from '../storage/version-archive.ts';

const mask = (left: number, origin: RecordedMask['origin'] = 'detected'): RecordedMask => ({
  ...{ left, top: 20, right: left + 60, bottom: 90 },
  shape: 'box',
  origin,
});
const face = (left: number) => {
  const box = { left: left + 10, top: 30, right: left + 50, bottom: 80 };
  return { box, box_normalized: box, score: 0.9, landmarks: null };
};

let storage: OpenedStorage;
let versions: VersionArchive;
let out: string;
beforeAll(async () => {
  storage = await openStorage();
  versions = new VersionArchive(storage.database, storage.objects);
  out = await makeDataFolder('training');
});
afterAll(async () => {
  await storage.close();
  await rm(out, { recursive: true });
});

/** Stores the masking of a drawn crowd with one face at 100. */
async function storeMasked(seed: number, given: Partial<FinishedJob> = {}): Promise<FinishedJob> {
  const original = await encode(crowd(2, { seed, width: 320, height: 240 }), 'jpeg');
  const job = finishedJob({
    original,
    faces: [face(100)],
    masks: [mask(100)],
    size: { width: 320, height: 240 },
    ...given,
  });
  await storage.store(job);
  return job;
}

/** Adds a version with these masks, as a person would. */
async function correct(job: FinishedJob, masks: RecordedMask[]): Promise<void> {
  const { manager } = await storage.database.ready();
  const row = await manager.query<{ image_id: string }[]>('SELECT image_id FROM jobs WHERE id = $1', [job.id]);
  const imageId = row[0]!.image_id;
  const first = {
    imageId,
    state: 'approved',
    basedOn: null,
    masks: [...job.masks!],
    visible: [],
    settings: {},
    author: null,
    reason: null,
    note: null,
    uncovers: false,
    approvedBy: null,
    receipt: null,
    type: 'jpeg',
    bytes: 3,
    sha256: '0'.repeat(64),
    previousSha256: null,
    createdAt: new Date(),
  } satisfies Partial<VersionRow>;
  const image = Buffer.from('abc');
  const made = { ...first, id: v7(), basedOn: job.id, masks, author: 'user:anna', reason: 'missed' };
  await versions.add(imageId, { row: { ...first, id: job.id }, image }, { row: made, image });
}

const run = (...args: string[]): Promise<Answer> =>
  runFaceApi(['review', 'export', ...args], {
    environment: { FACE_API_DATA_FOLDER: storage.folder, DATABASE_URL: storage.databaseUrl },
  });

/** What models/training/cache.py reads: the lines, and the file of each. */
async function readLabels(folder: string) {
  const lines = (await readFile(join(folder, 'labels.jsonl'), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as { file: string; width: number; height: number; faces: unknown[] });
}

describe('face-api review export', () => {
  it('writes the corrected images with their faces, in the layout of models/training, and warns of them', async () => {
    const job = await storeMasked(1);
    await correct(job, [mask(100), mask(200, 'added')]);
    await storeMasked(2);
    const folder = join(out, 'corrected');
    const { exitCode, stdout, stderr } = await run('--out', folder);
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: '1 images with 2 faces, 0 boxes to ignore; 0 images skipped\n',
    });
    expect(stderr).toContain('photographs with visible faces');
    const labels = await readLabels(folder);
    expect(labels).toEqual([
      {
        file: expect.stringMatching(/^images\/[0-9a-f]{64}\.jpg$/) as string,
        width: 320,
        height: 240,
        faces: [
          { box: [110, 30, 150, 80], landmarks: null },
          { box: [200, 20, 260, 90], landmarks: null },
        ],
      },
    ]);
    expect(await readFile(join(folder, labels[0]!.file))).toEqual(Buffer.from(job.original!));
    expect((await stat(join(folder, 'labels.jsonl'))).mode & 0o077).toBe(0);
  });

  it('writes all images with --all, skips those that the training cannot read, and filters by date', async () => {
    await storeMasked(3, { createdAt: '2026-01-15T12:00:00.000Z' });
    await storeMasked(4, { original: Buffer.concat([Buffer.from('GIF89a'), Buffer.alloc(40, 1)]) });
    const folder = join(out, 'all');
    expect((await run('--out', folder, '--all')).stdout).toMatch(/^3 images with 4 faces, .* 1 images skipped/);
    const january = ['--from', '2026-01-15', '--to', '2026-01-16'];
    expect((await run('--out', folder, '--all', ...january)).stdout).toMatch(/^1 images with 1 faces/);
    expect(await readLabels(folder)).toHaveLength(1);
  });

  it('that is interrupted leaves no list of labels, and the next one goes on', async () => {
    const folder = join(out, 'interrupted');
    const answer = await runFaceApi(['review', 'export', '--out', folder, '--all'], {
      environment: { FACE_API_DATA_FOLDER: storage.folder, DATABASE_URL: storage.databaseUrl },
      interruption: () => AbortSignal.abort(),
    });
    expect(answer.exitCode).toBe(1);
    expect(await readdir(folder)).toEqual(['images']);
    expect((await run('--out', folder, '--all')).exitCode).toBe(0);
    expect((await readdir(folder)).sort()).toEqual(['images', 'labels.jsonl']);
  });

  it.each([[[]], [['--out', 'x', '--from', 'yesterday']], [['--out', 'x', 'more']]])(
    'says how it is called: %j',
    async (args) => {
      expect(await run(...args)).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/--help/) as string });
    },
  );
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, runFaceApi } from '../../test/fixtures/command-line.ts';
import { type OpenedStorage, openStorage } from '../../test/fixtures/opened-storage.ts';
import { finishedJob } from '../../test/fixtures/stored-jobs.ts';
import { createTestDatabase } from '../../test/fixtures/test-database.ts';

const DAY_MS = 86_400_000;

let storage: OpenedStorage;
beforeAll(async () => {
  storage = await openStorage();
});
afterAll(() => storage.close());

// Objects are in the folder, which is what the command finds without further settings.
const runOn = (databaseUrl: string, ...args: string[]): Promise<Answer> =>
  runFaceApi(['storage', ...args], {
    environment: { FACE_API_DATA_FOLDER: storage.folder, DATABASE_URL: databaseUrl },
  });
const run = (...args: string[]) => runOn(storage.databaseUrl, ...args);

async function keys(): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of storage.objects.list('')) found.push(key);
  return found;
}

describe('face-api storage', () => {
  it('brings a new database up to date, and one that is so already', async () => {
    const empty = await createTestDatabase();
    try {
      const upToDate = { exitCode: 0, stdout: 'the database is up to date\n', stderr: '' };
      expect(await runOn(empty.url, 'migrate')).toEqual(upToDate);
      expect(await runOn(empty.url, 'migrate')).toEqual(upToDate);
      expect(await runOn(empty.url, 'prune', '--days', '1')).toMatchObject({ exitCode: 0 });
      expect(await run('migrate', '--dry-run')).toMatchObject({ exitCode: 2 });
    } finally {
      await empty.close();
    }
  });

  it('reconciles, prunes and erases, first dry', async () => {
    const job = finishedJob({ createdAt: new Date(Date.now() - 10 * DAY_MS).toISOString() });
    await storage.store(job);
    expect(await run('reconcile')).toEqual({
      exitCode: 0,
      stdout: '0 without a record, 0 lost, 0 stuck\n',
      stderr: '',
    });
    expect((await run('prune', '--days', '5', '--dry-run')).stdout).toMatch(/^would delete 1 jobs, 1 images/);
    expect((await run('erase', job.id, '--dry-run')).stdout).toMatch(/^would erase .*1 jobs, 2 objects/);
    expect(await keys()).toHaveLength(2);
    expect((await run('erase', job.id)).stdout).toMatch(/^erased .*1 jobs, 2 objects/);
    expect(await keys()).toEqual([]);
    expect(await run('erase', job.id)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/no image or job/) as string,
    });
  });

  it.each([
    [[]],
    [['dance']],
    [['erase']],
    [['erase', '../x']],
    [['prune', 'now']],
    [['prune', '--days', '0']],
    [['--no']],
  ])('says how it is called: %j', async (args) => {
    expect(await run(...args)).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/--help/) as string });
  });

  it('keeps everything unless told for how long', async () => {
    expect((await run('prune')).exitCode).toBe(2);
    expect((await run('--help')).stdout).toMatch(/^Usage: face-api storage/);
  });
});

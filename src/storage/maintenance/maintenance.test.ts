import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { v7 } from 'uuid';
import { type OpenedStorage, openStorage } from '../../../test/fixtures/opened-storage.ts';
import { finishedJob, jpegBytes } from '../../../test/fixtures/stored-jobs.ts';
import { createTestDatabase } from '../../../test/fixtures/test-database.ts';
import { runCli } from '../cli.ts';
import { originalKey, resultKey } from '../objects/object-keys.ts';
import { auditEntity } from '../records/audit.entity.ts';
import { imageEntity } from '../records/image.entity.ts';
import { jobEntity } from '../records/job.entity.ts';
import { Eraser } from './eraser.ts';
import { Pruner } from './pruner.ts';
import { Reconciler } from './reconciler.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const DAY_MS = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY_MS);

describe.each(['folder', 'S3'] as const)('on PostgreSQL and %s', (objectsIn) => {
  let storage: OpenedStorage;
  beforeAll(async () => {
    storage = await openStorage(objectsIn);
  });
  afterAll(() => storage.close());
  beforeEach(async () => {
    await rows((manager) => manager.query('TRUNCATE images, jobs, audit'));
    for (const key of await keys()) await storage.objects.delete(key);
  });

  type Manager = Awaited<ReturnType<OpenedStorage['database']['ready']>>['manager'];
  const rows = async <Result>(use: (manager: Manager) => Promise<Result>) =>
    use((await storage.database.ready()).manager);
  const countOf = (entity: typeof jobEntity | typeof imageEntity) => rows((manager) => manager.count<object>(entity));
  const keys = async () => {
    const found: string[] = [];
    for (const prefix of ['originals/', 'results/']) {
      for await (const { key } of storage.objects.list(prefix)) found.push(key);
    }
    return found.sort();
  };
  const audits = () => rows((manager) => manager.find(auditEntity, { order: { createdAt: 'ASC' } }));

  describe('Archive', () => {
    it('stores a job once, however often it is stored, by whomever, at once', async () => {
      const job = finishedJob();
      await storage.spool.write(job);
      const spooled = (await storage.spool.read(job.id))!;
      const other = await storage.another();
      await Promise.all(
        [storage, other, storage, other].map(({ archive }) => archive.store(spooled, () => Promise.resolve(true))),
      );
      await storage.spool.remove(job.id);
      expect(await countOf(jobEntity)).toBe(1);
      expect(await keys()).toEqual([
        originalKey(sha256(job.original!), 'jpeg'),
        resultKey(job.id, new Date(job.createdAt), 'png'),
      ]);
    });

    it('makes one image of the same bytes, sent many times at once', async () => {
      const original = jpegBytes();
      const jobs = Array.from({ length: 12 }, (_, at) => finishedJob({ original, faceCount: at, result: null }));
      await Promise.all(jobs.map((job) => storage.store(job)));
      expect(await countOf(jobEntity)).toBe(12);
      const images = await rows((manager) => manager.find(imageEntity));
      expect(images).toHaveLength(1);
      expect(images[0]).toMatchObject({ faceCount: 11, bytes: original.byteLength });
      expect(images[0]!.createdAt.toISOString()).toBe(jobs.map(({ createdAt }) => createdAt).sort()[0]);
      expect(await keys()).toHaveLength(1);
    });

    it('keeps the record of a job whose image was lost', async () => {
      await storage.store(
        finishedJob({
          original: null,
          result: null,
          status: 'failed',
          faces: null,
          error: { code: 'internal', detail: 'x' },
        }),
      );
      expect(await rows((manager) => manager.find(jobEntity))).toMatchObject([
        { imageId: null, errorCode: 'internal' },
      ]);
    });
  });

  describe('Eraser', () => {
    const eraser = () => new Eraser(storage.database, storage.objects, storage.spool);

    it('erases all of an image, in the tables, the objects and the spool, and says so without a trace of it', async () => {
      const original = jpegBytes();
      const [first, second] = [finishedJob({ original }), finishedJob({ original })];
      const bystander = finishedJob();
      for (const job of [first, second, bystander]) await storage.store(job);
      const waiting = finishedJob({ original });
      await storage.spool.write(waiting);
      const { imageId } = await rows((manager) => manager.findOneByOrFail(jobEntity, { id: first.id }));
      const expected = { imageId, jobs: 2, objects: 3, spooled: 1 };

      expect(await eraser().erase(imageId!, 'me', { dryRun: true })).toEqual(expected);
      expect(await keys()).toHaveLength(5);
      expect(await audits()).toEqual([]);

      expect(await eraser().erase(imageId!, 'me')).toEqual(expected);
      expect(await rows((manager) => manager.find(jobEntity))).toMatchObject([{ id: bystander.id }]);
      expect(await countOf(imageEntity)).toBe(1);
      expect(await keys()).toHaveLength(2);
      expect(storage.spool.ids).toEqual([]);
      const trail = await audits();
      expect(trail).toMatchObject([
        { action: 'erase', actor: 'me', subject: imageId, counts: { jobs: 2, objects: 3 } },
      ]);
      expect(JSON.stringify(trail)).not.toContain(sha256(original));
      expect(await eraser().erase(imageId!, 'me')).toBeNull();
    });

    it('takes the id of a job, also of one that only the spool knows', async () => {
      const job = finishedJob();
      await storage.spool.write(job);
      expect(await eraser().erase(job.id, 'me')).toEqual({ imageId: null, jobs: 0, objects: 0, spooled: 1 });
      const stored = finishedJob();
      await storage.store(stored);
      expect(await eraser().erase(stored.id, 'me')).toMatchObject({ jobs: 1, objects: 2 });
    });

    it('is not undone by a job of the image that is being stored at that moment', async () => {
      const job = finishedJob();
      await storage.spool.write(job);
      const spooled = (await storage.spool.read(job.id))!;
      const other = await storage.another();
      // It was read before the erasure, and is stored after it.
      await eraser().erase(job.id, 'me');
      expect(await other.archive.store(spooled, () => other.spool.has(job.id))).toBe(false);
      expect(await countOf(jobEntity)).toBe(0);
      expect(await keys()).toEqual([]);
    });

    it('called twice at once, erases once and harms nothing', async () => {
      const job = finishedJob();
      await storage.store(job);
      const other = await storage.another();
      const both = await Promise.allSettled([
        eraser().erase(job.id, 'me'),
        new Eraser(other.database, storage.objects, other.spool).erase(job.id, 'me'),
      ]);
      expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
      expect(await countOf(jobEntity)).toBe(0);
      expect(await audits()).toHaveLength(1);
    });
  });

  describe('Pruner', () => {
    const pruner = () => new Pruner(storage.database, storage.objects);

    it('deletes what is old and keeps images that newer jobs use', async () => {
      const shared = jpegBytes();
      const old = finishedJob({ createdAt: ago(40).toISOString() });
      const oldShared = finishedJob({ createdAt: ago(40).toISOString(), original: shared });
      const fresh = finishedJob({ createdAt: ago(1).toISOString(), original: shared });
      for (const job of [old, oldShared, fresh]) await storage.store(job);
      expect(await pruner().prune(ago(30), 'me', { dryRun: true })).toEqual({ jobs: 2, images: 1 });
      expect(await keys()).toHaveLength(5);
      expect(await pruner().prune(ago(30), 'me')).toEqual({ jobs: 2, images: 1 });
      expect(await rows((manager) => manager.find(jobEntity))).toMatchObject([{ id: fresh.id }]);
      expect(await keys()).toEqual([originalKey(sha256(shared), 'jpeg'), resultKey(fresh.id, ago(1), 'png')]);
      expect(await audits()).toMatchObject([{ action: 'prune', counts: { jobs: 2, images: 1 } }]);
    });

    it('shares the work when two instances prune at once', async () => {
      for (let at = 0; at < 30; at++) await storage.store(finishedJob({ createdAt: ago(40).toISOString() }));
      const other = await storage.another();
      const both = await Promise.all([
        pruner().prune(ago(30), 'me'),
        new Pruner(other.database, storage.objects).prune(ago(30), 'me'),
      ]);
      expect(both[0].jobs + both[1].jobs).toBe(30);
      expect(both[0].images + both[1].images).toBe(30);
      expect(await keys()).toEqual([]);
    });
  });

  describe('Reconciler', () => {
    const reconciler = (graceMs = -1000, retry: () => void = () => undefined) =>
      new Reconciler(storage.database, storage.objects, storage.spool, retry, graceMs);

    async function breakThings() {
      const [sound, withoutOriginal, withoutResult] = [finishedJob(), finishedJob(), finishedJob()];
      for (const job of [sound, withoutOriginal, withoutResult]) await storage.store(job);
      const lost = [
        originalKey(sha256(withoutOriginal.original!), 'jpeg'),
        resultKey(withoutResult.id, new Date(withoutResult.createdAt), 'png'),
      ];
      for (const key of lost) await storage.objects.delete(key);
      const orphans = [originalKey(sha256(jpegBytes()), 'jpeg'), resultKey(v7(), new Date(), 'png')];
      for (const key of orphans) await storage.objects.put(key, Buffer.from('x'), 'image/png');
      return { orphans, lost, withoutOriginal };
    }

    it('finds objects without a row and rows without an object; repairs both, but only when told to', async () => {
      const { orphans, lost, withoutOriginal } = await breakThings();
      const before = await keys();
      const found = await reconciler().reconcile('me', { dryRun: true });
      expect(found).toEqual({ orphans, missing: lost, stuck: [] });
      expect(await keys()).toEqual(before);
      expect(await reconciler().reconcile('me')).toEqual(found);
      expect(await keys()).toEqual(before.filter((key) => !orphans.includes(key)));
      expect(await reconciler().reconcile('me')).toEqual({ orphans: [], missing: [], stuck: [] });
      expect(await audits()).toMatchObject([{ action: 'reconcile', counts: { orphans: 2, missing: 2, stuck: 0 } }]);
      // The same bytes, sent again, bring the lost object back.
      await storage.store(finishedJob({ original: withoutOriginal.original }));
      expect(await keys()).toContain(lost[0]);
    });

    it('leaves young objects alone: their rows may be about to come', async () => {
      const { lost } = await breakThings();
      expect(await reconciler(60_000).reconcile('me')).toEqual({ orphans: [], missing: lost, stuck: [] });
    });

    it('has jobs that are stuck in the spool tried again', async () => {
      const job = finishedJob();
      await storage.spool.write(job);
      let retried = 0;
      const retry = () => {
        retried++;
      };
      expect(await reconciler(-1000, retry).reconcile('me', { dryRun: true })).toMatchObject({ stuck: [job.id] });
      expect(retried).toBe(0);
      await reconciler(-1000, retry).reconcile('me');
      expect(retried).toBe(1);
      await storage.spool.remove(job.id);
    });

    it('is done by one instance at a time', async () => {
      await breakThings();
      const other = await storage.another();
      const second = new Reconciler(other.database, storage.objects, other.spool, () => undefined, -1000);
      const both = await Promise.all([reconciler().reconcile('me'), second.reconcile('me')]);
      const done = both.filter((found) => found !== null);
      expect(done.flatMap(({ orphans }) => orphans)).toHaveLength(2);
      expect(done.flatMap(({ missing }) => missing)).toHaveLength(2);
    });
  });

  // The command line opens the objects by itself, and the folder is what it finds without further settings.
  if (objectsIn === 'folder') {
    describe('npm run storage', () => {
      const run = (...args: string[]) => runOn(storage.databaseUrl, ...args);

      async function runOn(databaseUrl: string, ...args: string[]) {
        const texts = { stdout: '', stderr: '' };
        const collect = (name: keyof typeof texts) =>
          new Writable({
            write(chunk: Buffer, _encoding, done) {
              texts[name] += chunk.toString();
              done();
            },
          });
        const exitCode = await runCli(
          args,
          { stdout: collect('stdout'), stderr: collect('stderr') },
          { FACE_API_DATA_FOLDER: storage.folder, DATABASE_URL: databaseUrl },
        );
        return { exitCode, ...texts };
      }

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
        const job = finishedJob({ createdAt: ago(10).toISOString() });
        await storage.store(job);
        expect(await run('reconcile')).toEqual({
          exitCode: 0,
          stdout: '0 without a record, 0 lost, 0 stuck\n',
          stderr: '',
        });
        expect((await run('prune', '--days', '5', '--dry-run')).stdout).toMatch(/^would delete 1 jobs and 1 images/);
        expect((await run('erase', job.id, '--dry-run')).stdout).toMatch(/^would erase .*1 jobs, 2 objects/);
        expect(await keys()).toHaveLength(2);
        expect((await run('erase', job.id)).stdout).toMatch(/^erased .*1 jobs, 2 objects/);
        expect(await keys()).toEqual([]);
        expect(await run('erase', job.id)).toMatchObject({
          exitCode: 1,
          stderr: expect.stringMatching(/no image/) as string,
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
        expect((await run('--help')).stdout).toMatch(/^Usage/);
      });
    });
  }
});

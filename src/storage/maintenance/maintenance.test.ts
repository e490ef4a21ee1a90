import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { In } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { v7 } from 'uuid';
import { type OpenedStorage, openStorage } from '../../../test/fixtures/opened-storage.ts';
import { finishedJob, jpegBytes } from '../../../test/fixtures/stored-jobs.ts';
import { Archive } from '../archive.ts';
import type { FinishedJob } from '../job.ts';
import { originalKey, resultKey, versionKey } from '../objects/object-keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { Persistence } from '../persistence.ts';
import { auditEntity } from '../records/audit.entity.ts';
import type { Database } from '../records/database.ts';
import { imageEntity } from '../records/image.entity.ts';
import { jobEntity } from '../records/job.entity.ts';
import { reviewEntity } from '../records/review.entity.ts';
import { versionEntity } from '../records/version.entity.ts';
import type { Spool } from '../spool/spool.ts';
import { type MadeVersion, VersionArchive } from '../version-archive.ts';
import { Eraser } from './eraser.ts';
import { Pruner } from './pruner.ts';
import { Reconciler } from './reconciler.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const DAY_MS = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY_MS);

/** A store that tells of its first put, before and after, and goes on when what happens meanwhile has happened. */
class ObservedStore {
  beforeFirstPut: () => Promise<void> = () => Promise.resolve();
  afterFirstPut: () => Promise<void> = () => Promise.resolve();
  #puts = 0;
  readonly #objects: ObjectStore;

  constructor(objects: ObjectStore) {
    this.#objects = objects;
  }

  async put(key: string, bytes: Uint8Array, type: string): Promise<void> {
    const isFirst = this.#puts++ === 0;
    if (isFirst) await this.beforeFirstPut();
    await this.#objects.put(key, bytes, type);
    if (isFirst) await this.afterFirstPut();
  }

  delete(key: string): Promise<void> {
    return this.#objects.delete(key);
  }
}

describe.each(['folder', 'S3'] as const)('on PostgreSQL and %s', (objectsIn) => {
  let storage: OpenedStorage;
  beforeAll(async () => {
    storage = await openStorage(objectsIn);
  });
  afterAll(() => storage.close());
  beforeEach(async () => {
    await rows((manager) =>
      manager.query('TRUNCATE images, jobs, versions, reviews, review_claims, review_decisions, reports, audit'),
    );
    for (const key of await keys()) await storage.objects.delete(key);
  });

  type Manager = Awaited<ReturnType<OpenedStorage['database']['ready']>>['manager'];
  const rows = async <Result>(use: (manager: Manager) => Promise<Result>) =>
    use((await storage.database.ready()).manager);
  const countOf = (entity: typeof jobEntity | typeof imageEntity) => rows((manager) => manager.count<object>(entity));
  const keys = async () => {
    const found: string[] = [];
    for (const prefix of ['originals/', 'results/', 'versions/']) {
      for await (const { key } of storage.objects.list(prefix)) found.push(key);
    }
    return found.sort();
  };
  /** What an attempt to store the job leaves that is killed before its transaction ends. */
  const putWithoutRows = async (job: FinishedJob) => {
    const killed = new Error('killed');
    const failing = {
      ready: async () => {
        const { manager } = await storage.database.ready();
        return {
          transaction: (work: (rows: Manager) => Promise<unknown>) =>
            manager.transaction(async (own) => {
              await work(own);
              throw killed;
            }),
        };
      },
    };
    const archive = new Archive(failing as unknown as Database, storage.objects);
    const spooled = (await storage.spool.read(job.id))!;
    await expect(archive.store(spooled, () => Promise.resolve(true))).rejects.toBe(killed);
  };
  const audits = () => rows((manager) => manager.find(auditEntity, { order: { createdAt: 'ASC' } }));

  /** An image with the result of a job and a corrected version */
  const correct = async (job: FinishedJob) => {
    await storage.store(job);
    const image = await rows((manager) => manager.findOneByOrFail(imageEntity, { sha256: sha256(job.original!) }));
    const version = (id: string, basedOn: string | null): MadeVersion => ({
      row: {
        id,
        imageId: image.id,
        state: 'approved',
        basedOn,
        masks: [],
        visible: [],
        settings: {},
        author: 'user:anna',
        reason: 'a test',
        note: null,
        uncovers: false,
        approvedBy: null,
        receipt: null,
        type: 'png',
        bytes: 50,
        sha256: '0'.repeat(64),
        previousSha256: null,
        createdAt: new Date(job.createdAt),
      },
      image: randomBytes(50),
    });
    const archive = new VersionArchive(storage.database, storage.objects);
    expect(await archive.add(image.id, version(job.id, null), version(v7(), job.id))).toMatchObject({ number: 2 });
    return image;
  };

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

    it('erases the corrected versions of an image, and its review', async () => {
      const job = finishedJob({ masks: [] });
      const image = await correct(job);
      expect(await keys()).toHaveLength(4);
      expect(await rows((manager) => manager.count(reviewEntity))).toBe(1);
      expect(await eraser().erase(image.id, 'me')).toMatchObject({ jobs: 1, objects: 4 });
      expect(await keys()).toEqual([]);
      expect(await rows((manager) => manager.count(versionEntity))).toBe(0);
      expect(await rows((manager) => manager.count(reviewEntity))).toBe(0);
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

    it('erases what a job that was killed while it was stored had put already', async () => {
      const job = finishedJob();
      await storage.spool.write(job);
      await putWithoutRows(job);
      expect(await keys()).toHaveLength(2);
      const expected = { imageId: null, jobs: 0, objects: 2, spooled: 1 };
      expect(await eraser().erase(job.id, 'me', { dryRun: true })).toEqual(expected);
      expect(await eraser().erase(job.id, 'me')).toEqual(expected);
      expect(await keys()).toEqual([]);
      expect(storage.spool.ids).toEqual([]);
      expect(await audits()).toMatchObject([{ action: 'erase', counts: { objects: 2, spooled: 1 } }]);
    });

    it('erases what another job of a known image had put when it was killed', async () => {
      const original = jpegBytes();
      const [stored, killed] = [finishedJob({ original }), finishedJob({ original })];
      await storage.store(stored);
      await storage.spool.write(killed);
      await putWithoutRows(killed);
      expect(await eraser().erase(stored.id, 'me')).toMatchObject({ jobs: 1, objects: 3, spooled: 1 });
      expect(await keys()).toEqual([]);
    });

    it('erases an object that came back after its row had said that it is lost', async () => {
      const job = finishedJob();
      await storage.store(job);
      await rows((manager) => manager.query('UPDATE images SET object_key = NULL'));
      expect(await eraser().erase(job.id, 'me')).toMatchObject({ objects: 2 });
      expect(await keys()).toEqual([]);
    });

    it('says that it failed where an object is still there, and leaves what finds it the next time', async () => {
      const job = finishedJob();
      await storage.spool.write(job);
      await putWithoutRows(job);
      const stubborn: ObjectStore = Object.create(storage.objects, {
        holds: { value: (key: string) => storage.objects.holds(key) },
        delete: { value: () => Promise.resolve() },
      }) as ObjectStore;
      await expect(new Eraser(storage.database, stubborn, storage.spool).erase(job.id, 'me')).rejects.toThrow(
        /reappears/,
      );
      const away: ObjectStore = Object.create(storage.objects, {
        holds: { value: (key: string) => storage.objects.holds(key) },
        delete: { value: () => Promise.reject(new Error('away')) },
      }) as ObjectStore;
      await storage.spool.write(job);
      await expect(new Eraser(storage.database, away, storage.spool).erase(job.id, 'me')).rejects.toThrow('away');
      expect(await audits()).toEqual([]);
      expect(await eraser().erase(job.id, 'me')).toMatchObject({ objects: 2, spooled: 1 });
      expect(await keys()).toEqual([]);
    });

    it('finds a job that is stored while it looks for it', async () => {
      const job = finishedJob();
      await storage.spool.write(job);
      const other = await storage.another();
      // Whoever asks the spool finds it there no more: it was stored just now.
      const slowSpool = Object.create(storage.spool, {
        find: {
          value: async (id: string) => {
            await other.archive.store((await other.spool.read(id))!, () => Promise.resolve(true));
            await other.spool.remove(id);
            return storage.spool.find(id);
          },
        },
        findByOriginal: { value: (digest: string) => storage.spool.findByOriginal(digest) },
        discard: { value: (files: []) => storage.spool.discard(files) },
      }) as Spool;
      const erasure = await new Eraser(storage.database, storage.objects, slowSpool).erase(job.id, 'me');
      expect(erasure).toMatchObject({ jobs: 1, objects: 2 });
      expect(await keys()).toEqual([]);
    });

    it('leaves nothing of a job whose objects are put while it is erased, its attempt having lost the database', async () => {
      const job = finishedJob();
      await storage.spool.write(job);
      const other = await storage.another();
      const observed = new ObservedStore(storage.objects);
      const failures: number[] = [];
      const persistence = new Persistence(
        other.spool,
        new Archive(other.database, observed as unknown as ObjectStore),
        { stored: () => undefined, tried: () => undefined, failed: () => failures.push(1) },
        { concurrency: 1, firstDelayMs: 10, longestDelayMs: 50 },
      );
      observed.beforeFirstPut = async () => {
        // Its session ends, and with it its lock; its put goes on.
        await rows((manager) =>
          manager.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle in transaction'`,
          ),
        );
        expect(await eraser().erase(job.id, 'me')).toMatchObject({ spooled: 1 });
      };
      persistence.start();
      await expect.poll(() => failures.length, { timeout: 10_000 }).toBeGreaterThan(0);
      await expect.poll(keys, { timeout: 10_000 }).toEqual([]);
      await persistence.stop();
      expect(await keys()).toEqual([]);
      expect(await countOf(jobEntity)).toBe(0);
    });

    it('is not stopped by damaged files, and leaves none that may be of the image', async () => {
      const [readable, unreadable, other, wanted] = [finishedJob(), finishedJob(), finishedJob(), finishedJob()];
      for (const job of [readable, other, wanted]) await storage.spool.write(job);
      for (const { id } of [readable, other]) await storage.spool.moveAside(id, 'its checksum does not match');
      const path = join(storage.folder, 'spool', `${unreadable.id}.job`);
      await writeFile(path, 'torn');
      await mkdir(join(storage.folder, 'spool', `${v7()}.job`));
      expect(await eraser().erase(readable.id, 'me')).toMatchObject({ spooled: 2 });
      const left = (await storage.spool.findByOriginal(sha256(other.original!))).map(({ jobId }) => jobId);
      expect(left).toEqual([other.id]);
      expect(storage.spool.ids).toEqual([wanted.id]);
      await writeFile(path, 'torn');
      expect(await eraser().erase(unreadable.id, 'me')).toEqual({ imageId: null, jobs: 0, objects: 0, spooled: 1 });
      expect(await eraser().erase(unreadable.id, 'me')).toBeNull();
      for (const { id } of [other, wanted]) await eraser().erase(id, 'me');
      await rm(storage.spool.damagedFolder, { recursive: true });
    });

    it('leaves nothing of an image, in whichever states its jobs are, and all of the others', async () => {
      const states = {
        spooled: (job: FinishedJob) => storage.spool.write(job),
        stored: (job: FinishedJob) => storage.store(job),
        killed: async (job: FinishedJob) => {
          await storage.spool.write(job);
          await putWithoutRows(job);
        },
        // Its process was killed between its commit and the end of its file.
        storedAndSpooled: async (job: FinishedJob) => {
          await storage.store(job);
          await storage.spool.write(job);
        },
        damaged: async (job: FinishedJob) => {
          await storage.spool.write(job);
          await storage.spool.moveAside(job.id, 'its checksum does not match');
        },
      };
      const state = fc.constantFrom(...(Object.keys(states) as (keyof typeof states)[]));
      const ofImage = fc.array(state, { minLength: 1, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(ofImage, ofImage, fc.nat(), async (wanted, unwanted, which) => {
          const images = [jpegBytes(), jpegBytes()] as const;
          const prepare = async (names: (keyof typeof states)[], original: Uint8Array) => {
            const jobs = names.map(() => finishedJob({ original }));
            for (const [at, job] of jobs.entries()) await states[names[at]!](job);
            return jobs.map(({ id }) => id);
          };
          const [kept, erased] = [await prepare(wanted, images[0]), await prepare(unwanted, images[1])];
          const traces = async (ids: string[], original: Uint8Array) => ({
            rows: (await rows((manager) => manager.findBy(jobEntity, { id: In(ids) }))).length,
            keys: (await keys()).filter((key) => [sha256(original), ...ids].some((name) => key.includes(name))),
            files: (await storage.spool.findByOriginal(sha256(original))).length,
          });
          const before = await traces(kept, images[0]);
          await eraser().erase(erased[which % erased.length]!, 'me');
          expect(await traces(erased, images[1])).toEqual({ rows: 0, keys: [], files: 0 });
          expect(await traces(kept, images[0])).toEqual(before);
          await eraser().erase(kept[0]!, 'me');
        }),
        { numRuns: 20 },
      );
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
    const pruner = () => new Pruner(storage.database, storage.objects, storage.spool);

    it('deletes what is old and keeps images that newer jobs use', async () => {
      const shared = jpegBytes();
      const old = finishedJob({ createdAt: ago(40).toISOString() });
      const oldShared = finishedJob({ createdAt: ago(40).toISOString(), original: shared });
      const fresh = finishedJob({ createdAt: ago(1).toISOString(), original: shared });
      for (const job of [old, oldShared, fresh]) await storage.store(job);
      expect(await pruner().prune(ago(30), 'me', { dryRun: true })).toEqual({ jobs: 2, images: 1, damaged: 0 });
      expect(await keys()).toHaveLength(5);
      expect(await pruner().prune(ago(30), 'me')).toEqual({ jobs: 2, images: 1, damaged: 0 });
      expect(await rows((manager) => manager.find(jobEntity))).toMatchObject([{ id: fresh.id }]);
      expect(await keys()).toEqual([originalKey(sha256(shared), 'jpeg'), resultKey(fresh.id, ago(1), 'png')]);
      expect(await audits()).toMatchObject([{ action: 'prune', counts: { jobs: 2, images: 1 } }]);
    });

    it('keeps corrected versions and their review as long as their image, without the job, and deletes them with it', async () => {
      const image = await correct(finishedJob({ createdAt: ago(40).toISOString(), masks: [] }));
      await rows((manager) => manager.update(imageEntity, { id: image.id }, { lastUsedAt: ago(20) }));
      expect(await pruner().prune(ago(30), 'me')).toEqual({ jobs: 1, images: 0, damaged: 0 });
      expect(await keys()).toHaveLength(3);
      expect(await rows((manager) => manager.count(reviewEntity))).toBe(1);
      expect(await pruner().prune(ago(10), 'me')).toEqual({ jobs: 0, images: 1, damaged: 0 });
      expect(await keys()).toEqual([]);
      expect(await rows((manager) => manager.count(versionEntity))).toBe(0);
      expect(await rows((manager) => manager.count(reviewEntity))).toBe(0);
    });

    it('deletes damaged files of the spool that are old', async () => {
      const [old, fresh] = [finishedJob(), finishedJob()];
      for (const job of [old, fresh]) {
        await storage.spool.write(job);
        await storage.spool.moveAside(job.id, 'it is damaged');
      }
      const path = (await storage.spool.find(old.id))!.path;
      await utimes(path, ago(40), ago(40));
      expect(await pruner().prune(ago(30), 'me', { dryRun: true })).toEqual({ jobs: 0, images: 0, damaged: 1 });
      expect(await pruner().prune(ago(30), 'me')).toEqual({ jobs: 0, images: 0, damaged: 1 });
      expect(await storage.spool.find(old.id)).toBeNull();
      expect(await storage.spool.find(fresh.id)).not.toBeNull();
      expect(await audits()).toMatchObject([{ action: 'prune', counts: { damaged: 1 } }]);
      await rm(storage.spool.damagedFolder, { recursive: true });
    });

    it('shares the work when two instances prune at once', async () => {
      for (let at = 0; at < 30; at++) await storage.store(finishedJob({ createdAt: ago(40).toISOString() }));
      const other = await storage.another();
      const both = await Promise.all([
        pruner().prune(ago(30), 'me'),
        new Pruner(other.database, storage.objects, other.spool).prune(ago(30), 'me'),
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

    it('knows the objects of versions: keeps those with a row, deletes those without, and says which are lost', async () => {
      await correct(finishedJob());
      expect(await reconciler().reconcile('me')).toEqual({ orphans: [], missing: [], stuck: [] });

      const [key] = (await keys()).filter((each) => each.startsWith('versions/'));
      const orphan = versionKey(v7(), ago(1), 'png');
      await storage.objects.put(orphan, randomBytes(10), 'image/png');
      await storage.objects.delete(key!);
      expect(await reconciler().reconcile('me')).toEqual({ orphans: [orphan], missing: [key], stuck: [] });
      const versions = await rows((manager) => manager.find(versionEntity));
      expect(versions.map(({ objectKey }) => objectKey)).toContain(null);
    });

    it('leaves young objects alone: their rows may be about to come', async () => {
      const { lost } = await breakThings();
      expect(await reconciler(60_000).reconcile('me')).toEqual({ orphans: [], missing: lost, stuck: [] });
    });

    it('leaves a result alone whose job is being stored at that moment, however old the object seems', async () => {
      const original = jpegBytes();
      await storage.store(finishedJob({ original }));
      const job = finishedJob({ original });
      await storage.spool.write(job);
      const observed = new ObservedStore(storage.objects);
      let reconciling: Promise<unknown> | undefined;
      observed.afterFirstPut = async () => {
        reconciling = reconciler().reconcile('me');
        await sleep(500);
      };
      const other = await storage.another();
      const archive = new Archive(other.database, observed as unknown as ObjectStore);
      await archive.store((await storage.spool.read(job.id))!, () => Promise.resolve(true));
      await storage.spool.remove(job.id);
      expect(await reconciling).toMatchObject({ orphans: [] });
      expect(await keys()).toContain(resultKey(job.id, new Date(job.createdAt), 'png'));
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
});

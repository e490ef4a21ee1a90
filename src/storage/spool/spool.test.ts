import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { v7 } from 'uuid';
import { mayMount, mountSmallDisk } from '../../../test/fixtures/small-disk.ts';
import { finishedJob } from '../../../test/fixtures/stored-jobs.ts';
import type { FinishedJob } from '../job.ts';
import { Spool, SpoolFullError, type SpoolOptions } from './spool.ts';
import { DamagedEntryError } from './spool-entry.ts';

const WRITER = fileURLToPath(new URL('../../../test/fixtures/spool-writer.ts', import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'face-api-spool-'));
});
afterEach(() => rm(folder, { recursive: true }));

const open = (options: Partial<SpoolOptions> = {}) =>
  Spool.open({
    folder,
    maxBytes: 1e9,
    fullPolicy: 'oldest',
    fsync: true,
    onLost: () => undefined,
    onDamaged: () => undefined,
    ...options,
  });

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
/** Of all but what was put aside. */
const names = async () => (await readdir(folder)).filter((name) => name !== 'damaged');

const ofSize = (bytes: number): FinishedJob => finishedJob({ original: Buffer.alloc(bytes), result: null });

describe('Spool', () => {
  it('gives back what was written, also to the next process', async () => {
    const job = finishedJob();
    await (await open()).write(job);
    const spool = await open();
    expect(spool.ids).toEqual([job.id]);
    const read = (await spool.read(job.id))!;
    const { original, result, ...rest } = job;
    expect(read).toMatchObject(rest);
    expect(Buffer.from(read.original!.bytes)).toEqual(Buffer.from(original!));
    expect(read.original!.type).toBe('jpeg');
    expect(Buffer.from(read.result!.bytes)).toEqual(Buffer.from(result!.bytes));
  });

  it('keeps jobs without an image and without a result', async () => {
    const spool = await open();
    const job = finishedJob({ original: null, result: null });
    await spool.write(job);
    expect(await spool.read(job.id)).toMatchObject({ original: null, result: null });
  });

  it('counts what is in it', async () => {
    const spool = await open();
    const jobs = [ofSize(1000), ofSize(2000)];
    for (const job of jobs) await spool.write(job);
    expect(spool.files).toBe(2);
    expect(spool.bytes).toBeGreaterThan(3000);
    expect((await open()).bytes).toBe(spool.bytes);
    expect(spool.longestWaitMs).toBeLessThan(10_000);
    for (const { id } of jobs) await spool.remove(id);
    await spool.remove(jobs[0]!.id);
    expect([spool.files, spool.bytes, spool.longestWaitMs]).toEqual([0, 0, 0]);
    expect(await spool.read(jobs[0]!.id)).toBeUndefined();
  });

  it('sees what others that share the folder wrote and removed', async () => {
    const [one, other] = [await open(), await open()];
    const job = finishedJob();
    await other.write(job);
    expect(one.files).toBe(0);
    await one.refresh();
    expect(one.ids).toEqual([job.id]);
    await other.remove(job.id);
    await one.refresh();
    expect([one.files, one.bytes]).toEqual([0, 0]);
  });

  it('notices any damage', async () => {
    const spool = await open();
    const job = finishedJob();
    await spool.write(job);
    const path = join(folder, `${job.id}.job`);
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at += 7) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x10;
      await writeFile(path, damaged);
      await expect(spool.read(job.id), `byte ${at}`).rejects.toThrow(DamagedEntryError);
    }
    for (const length of [0, 5, 20, whole.length - 1]) {
      await writeFile(path, whole);
      await truncate(path, length);
      await expect(spool.read(job.id), `${length} bytes`).rejects.toThrow(DamagedEntryError);
    }
  });

  it('gives up the oldest where it is full, and never more than it must', async () => {
    const lost: string[] = [];
    const spool = await open({ maxBytes: 10_000, onLost: (id) => lost.push(id) });
    const jobs = Array.from({ length: 6 }, () => ofSize(3000));
    for (const job of jobs.slice(0, 2)) await spool.write(job);
    expect(lost).toEqual([]);
    for (const job of jobs.slice(2)) await spool.write(job);
    expect(lost).toEqual(jobs.slice(0, 4).map(({ id }) => id));
    expect(spool.bytes).toBeLessThanOrEqual(10_000);
    await expect(spool.write(ofSize(20_000))).rejects.toThrow(SpoolFullError);
  });

  it('refuses where it is full and that is the policy', async () => {
    const spool = await open({ maxBytes: 10_000, fullPolicy: 'refuse' });
    await spool.write(ofSize(5000));
    await spool.admit(3000);
    await expect(spool.admit(6000)).rejects.toThrow(SpoolFullError);
    await expect(spool.write(ofSize(6000))).rejects.toThrow(SpoolFullError);
    expect(spool.files).toBe(1);
    expect(await names()).toHaveLength(1);
  });

  it('removes what a dead writer left unfinished, but not what another may be writing', async () => {
    await writeFile(join(folder, 'old.job.1.tmp'), 'x');
    await writeFile(join(folder, 'new.job.2.tmp'), 'x');
    await utimes(join(folder, 'old.job.1.tmp'), new Date(0), new Date(0));
    await open();
    expect(await names()).toEqual(['new.job.2.tmp']);
  });

  it('puts aside what has the name of a job and is none, tells it, and works on', async () => {
    const told: string[] = [];
    const onDamaged = (name: string) => told.push(name);
    const [atStart, later] = [`${v7()}.job`, `${v7()}.job`];
    await mkdir(join(folder, atStart));
    await writeFile(join(folder, 'notes.job'), 'x');
    await mkdir(join(folder, 'old.tmp'));
    await utimes(join(folder, 'old.tmp'), new Date(0), new Date(0));
    const spool = await open({ onDamaged });
    expect(told.sort()).toEqual([atStart, 'notes.job'].sort());
    await mkdir(join(folder, later));
    const job = finishedJob();
    await spool.write(job);
    // What cannot be read may be of any image.
    const found = await spool.findByOriginal(sha256(job.original!));
    expect(found.map(({ jobId }) => jobId)).toEqual([job.id, 'notes']);
    expect(told).toContain(later);
    expect([spool.ids, spool.damaged]).toEqual([[job.id], 3]);
    expect((await open()).damaged).toBe(3);
  });

  it('does not allocate what a damaged length claims', async () => {
    const spool = await open();
    const job = finishedJob();
    await spool.write(job);
    const path = join(folder, `${job.id}.job`);
    const entry = await readFile(path);
    entry.writeUInt32BE(0xffff_ffff, 8);
    await writeFile(path, entry);
    const found = await spool.findByOriginal(sha256(job.original!));
    expect(found.map(({ record }) => record)).toEqual([null]);
    expect(spool.damaged).toBe(1);
  });

  it('finds an image in what a killed writer left unfinished, unless it may be written yet', async () => {
    const [writer, spool] = [await open(), await open()];
    const job = finishedJob();
    await writer.write(job);
    const unfinished = join(folder, `${job.id}.job.${v7()}.tmp`);
    await rename(join(folder, `${job.id}.job`), unfinished);
    const find = () => spool.findByOriginal(sha256(job.original!));
    await expect(find()).rejects.toMatchObject({ code: 'storage_unavailable' });
    await utimes(unfinished, new Date(), new Date(Date.now() - 120_000));
    const found = await find();
    expect(found.map(({ path }) => path)).toEqual([unfinished]);
    await spool.discard(found);
    expect(await names()).toEqual([]);
  });

  it('does not mistake a clock that is set back for a job that has not waited', async () => {
    const spool = await open();
    const job = finishedJob();
    await spool.write(job);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 86_400_000 });
    try {
      await sleep(20);
      await spool.refresh();
      expect(spool.waitedMs(job.id)).toBeGreaterThan(10);
      expect(spool.longestWaitMs).toBeGreaterThan(10);
      expect((await open()).longestWaitMs).toBeGreaterThanOrEqual(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('says that it cannot be written where its folder is gone, and takes jobs again when it is back', async () => {
    const spool = await open({ fullPolicy: 'refuse' });
    await spool.admit(1000);
    expect(spool.failure).toBeNull();
    const elsewhere = `${folder}-elsewhere`;
    await rename(folder, elsewhere);
    await expect(spool.write(finishedJob())).rejects.toThrow('ENOENT');
    expect(spool.failure).toMatchObject({ code: 'ENOENT' });
    await expect(spool.admit(1000)).rejects.toThrow('ENOENT');
    await rename(elsewhere, folder);
    await spool.check();
    expect(spool.failure).toBeNull();
    await spool.admit(1000);
    await spool.write(finishedJob());
    expect(spool.files).toBe(1);
  });

  it.skipIf(!mayMount)(
    'on a full disk refuses what does not fit, takes what does, and leaves nothing half-written',
    async () => {
      const disk = await mountSmallDisk(folder, 1_048_576);
      try {
        const spool = await open({ fullPolicy: 'refuse' });
        await disk.fill(200_000);
        await expect(spool.write(ofSize(400_000))).rejects.toMatchObject({ code: 'ENOSPC' });
        expect(await names()).toEqual(['ballast']);
        expect(spool.failure).toMatchObject({ code: 'ENOSPC' });
        await expect(spool.admit(400_000)).rejects.toMatchObject({ code: 'ENOSPC' });
        await spool.admit(100_000);
        await spool.write(ofSize(100_000));
        // What failed was larger: it is not known yet that it would be taken.
        expect(spool.failure).toMatchObject({ code: 'ENOSPC' });
        await disk.free();
        await spool.check();
        expect(spool.failure).toBeNull();
        await spool.write(ofSize(400_000));
        await disk.fill();
        await expect(spool.check()).rejects.toMatchObject({ code: 'ENOSPC' });
        expect(spool.failure).toMatchObject({ code: 'ENOSPC' });
      } finally {
        await disk.unmount();
      }
    },
  );

  it('has every job whole whose write was told to be done, whenever its process is killed', async () => {
    let safeInAll = 0;
    for (let round = 0; round < 6; round++) {
      const child = spawn(process.execPath, [WRITER, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
      let told = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        told += text;
      });
      await expect.poll(() => told, { timeout: 20_000 }).toContain('ready');
      await sleep(20 + Math.random() * 200);
      child.kill('SIGKILL');
      await once(child, 'close');
      const safe = told.split('\n').slice(1, -1);
      safeInAll += safe.length;
      const spool = await open();
      expect(safe.filter((id) => !spool.ids.includes(id))).toEqual([]);
      // Those that were not told may be there as well; what is there is whole.
      for (const id of spool.ids) {
        expect((await spool.read(id))?.id).toBe(id);
        await spool.remove(id);
      }
    }
    expect(safeInAll).toBeGreaterThan(0);
  });
});

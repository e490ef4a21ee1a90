import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
  Spool.open({ folder, maxBytes: 1e9, fullPolicy: 'oldest', fsync: true, onGivenUp: () => undefined, ...options });

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
    expect(Date.now() - spool.oldestSince!.getTime()).toBeLessThan(10_000);
    for (const { id } of jobs) await spool.remove(id);
    await spool.remove(jobs[0]!.id);
    expect([spool.files, spool.bytes, spool.oldestSince]).toEqual([0, 0, null]);
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
    const givenUp: string[] = [];
    const spool = await open({ maxBytes: 10_000, onGivenUp: (id) => givenUp.push(id) });
    const jobs = Array.from({ length: 6 }, () => ofSize(3000));
    for (const job of jobs.slice(0, 2)) await spool.write(job);
    expect(givenUp).toEqual([]);
    for (const job of jobs.slice(2)) await spool.write(job);
    expect(givenUp).toEqual(jobs.slice(0, 4).map(({ id }) => id));
    expect(spool.bytes).toBeLessThanOrEqual(10_000);
    await expect(spool.write(ofSize(20_000))).rejects.toThrow(SpoolFullError);
  });

  it('refuses where it is full and that is the policy', async () => {
    const spool = await open({ maxBytes: 10_000, fullPolicy: 'refuse' });
    await spool.write(ofSize(5000));
    expect(spool.hasRoomFor(3000)).toBe(true);
    expect(spool.hasRoomFor(6000)).toBe(false);
    await expect(spool.write(ofSize(6000))).rejects.toThrow(SpoolFullError);
    expect(spool.files).toBe(1);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('removes what a dead writer left unfinished, but not what another may be writing', async () => {
    await writeFile(join(folder, 'old.job.1.tmp'), 'x');
    await writeFile(join(folder, 'new.job.2.tmp'), 'x');
    await utimes(join(folder, 'old.job.1.tmp'), new Date(0), new Date(0));
    await open();
    expect(await readdir(folder)).toEqual(['new.job.2.tmp']);
  });

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

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { finishedJob } from '../../test/fixtures/stored-jobs.ts';
import type { Archive } from './archive.ts';
import { Persistence } from './persistence.ts';
import { Spool } from './spool/spool.ts';

/** An archive in which a fault can be injected; the real one is tested on a real database. */
class FaultyArchive implements Pick<Archive, 'store' | 'withdraw'> {
  readonly stored: string[] = [];
  readonly withdrawn: string[] = [];
  readonly attempts: { id: string; at: number }[] = [];
  fault: (id: string) => boolean = () => false;
  atOnce = 0;
  mostAtOnce = 0;

  async store({ id }: { id: string }): Promise<boolean> {
    this.attempts.push({ id, at: Date.now() });
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.atOnce--;
    if (this.fault(id)) throw new Error('away');
    this.stored.push(id);
    return true;
  }

  withdraw({ id }: { id: string }): Promise<void> {
    this.withdrawn.push(id);
    return Promise.resolve();
  }
}

let folder: string;
let spool: Spool;
let archive: FaultyArchive;
let persistence: Persistence;
const events = { tried: 0, stored: 0, failed: 0 };
const damaged: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'face-api-persistence-'));
  spool = await Spool.open({
    folder,
    maxBytes: 1e9,
    fullPolicy: 'oldest',
    fsync: false,
    onLost: () => undefined,
    onDamaged: (name) => damaged.push(name),
  });
  archive = new FaultyArchive();
  Object.assign(events, { tried: 0, stored: 0, failed: 0 });
  damaged.length = 0;
  persistence = new Persistence(
    spool,
    archive as unknown as Archive,
    {
      tried: () => events.tried++,
      stored: () => events.stored++,
      failed: () => events.failed++,
    },
    { concurrency: 3, firstDelayMs: 20, longestDelayMs: 200 },
  );
});
afterEach(async () => {
  await persistence.stop();
  await rm(folder, { recursive: true });
});

async function spoolJobs(count: number): Promise<string[]> {
  const jobs = Array.from({ length: count }, () => finishedJob());
  for (const job of jobs) await spool.write(job);
  return jobs.map(({ id }) => id);
}

const drained = () => expect.poll(() => spool.files, { timeout: 10_000, interval: 5 }).toBe(0);

describe('Persistence', () => {
  it('stores what waits, a few at a time, oldest first', async () => {
    const ids = await spoolJobs(20);
    persistence.start();
    await drained();
    expect(archive.stored.sort()).toEqual(ids);
    // A few at a time: those that are begun together may overtake one another.
    const order = archive.attempts.map(({ id }) => id);
    expect(order.indexOf(ids[0]!)).toBeLessThan(order.indexOf(ids[10]!));
    expect(order.indexOf(ids[9]!)).toBeLessThan(order.indexOf(ids[19]!));
    expect(archive.mostAtOnce).toBe(3);
    expect(events).toEqual({ tried: 20, stored: 20, failed: 0 });
    expect(persistence.isFailing).toBe(false);
  });

  it('asks an archive that is away by one job at a time, ever less often, and goes on when it is back', async () => {
    const ids = await spoolJobs(10);
    archive.fault = () => true;
    persistence.start();
    await expect.poll(() => archive.attempts.length, { timeout: 10_000 }).toBe(8);
    expect(persistence.isFailing).toBe(true);
    const waits = archive.attempts.map(({ at }, index) => at - (archive.attempts[index - 1]?.at ?? at)).slice(3);
    expect(Math.min(...waits.slice(-2))).toBeGreaterThan(80);
    archive.fault = () => false;
    await drained();
    expect(archive.stored.sort()).toEqual(ids);
    expect(persistence.isFailing).toBe(false);
  });

  it('is not held up by a job that cannot be stored', async () => {
    const ids = await spoolJobs(12);
    archive.fault = (id) => id === ids[0];
    persistence.start();
    await expect.poll(() => archive.stored.length, { timeout: 10_000 }).toBe(11);
    await expect.poll(() => spool.ids).toEqual([ids[0]]);
    archive.fault = () => false;
    persistence.retryNow();
    await drained();
  });

  it('puts aside what is damaged, and says so', async () => {
    const [torn, sound] = await spoolJobs(2);
    await writeFile(join(folder, `${torn!}.job`), 'torn');
    persistence.start();
    await drained();
    await expect.poll(() => archive.stored).toEqual([sound]);
    expect(damaged).toEqual([`${torn!}.job`]);
    const [aside] = await readdir(spool.damagedFolder);
    expect(await readFile(join(spool.damagedFolder, aside!), 'utf8')).toBe('torn');
    expect(archive.withdrawn).toEqual([]);
  });

  it('does not wait for a clock that was set back', async () => {
    const [id] = await spoolJobs(1);
    archive.fault = () => true;
    persistence.start();
    await expect.poll(() => events.failed).toBeGreaterThan(0);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 86_400_000 });
    try {
      archive.fault = () => false;
      await expect.poll(() => archive.stored, { timeout: 10_000 }).toEqual([id]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('withdraws what an attempt that failed may have put of a job that is gone since', async () => {
    const [erased, other] = await spoolJobs(2);
    archive.fault = (id) => id === erased;
    persistence.start();
    await expect.poll(() => events.failed).toBeGreaterThan(0);
    await spool.remove(erased!);
    await expect.poll(() => archive.withdrawn, { timeout: 10_000 }).toEqual([erased]);
    await expect.poll(() => archive.stored, { timeout: 10_000 }).toEqual([other]);
    await expect.poll(() => persistence.isFailing).toBe(false);
  });

  it('finishes what it is at when it is stopped, and leaves the rest', async () => {
    await spoolJobs(10);
    persistence.start();
    await expect.poll(() => archive.attempts.length, { interval: 1 }).toBeGreaterThan(0);
    await persistence.stop();
    const { length } = archive.stored;
    expect(length).toBe(archive.attempts.length);
    expect(spool.files).toBe(10 - length);
    persistence.add('later');
    expect(archive.attempts).toHaveLength(length);
  });
});

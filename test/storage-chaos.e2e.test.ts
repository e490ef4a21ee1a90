import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { v7 } from 'uuid';
import { Reconciler } from '../src/storage/maintenance/reconciler.ts';
import { S3Store } from '../src/storage/objects/s3-store.ts';
import { Spool } from '../src/storage/spool/spool.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { openDatabase } from './fixtures/opened-database.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { s3Environment, startS3Server, type TestS3Server } from './fixtures/s3-server.ts';
import { StoppablePostgres } from './fixtures/stoppable-postgres.ts';
import { send, type ServiceProcess, startServiceProcess } from './support/service.ts';

/** `npm run test:chaos` sends 500; every run of the tests, as many as fit in half a minute. */
const REQUESTS = Number(process.env['TEST_CHAOS_REQUESTS'] ?? 100);
const ROUNDS = REQUESTS >= 500 ? 4 : 1;
const IN_FLIGHT = 2;
/** The promise is 1.2, and the figure is printed; a machine that does other things meanwhile must not fail the tests. */
const MOST_SLOWER = REQUESTS >= 500 ? 1.5 : 3;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const photo = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');

interface Answer {
  readonly requestId: string;
  readonly kind: 'detect' | 'mask';
  readonly original: string;
  /** Digest of the masked image that was answered. */
  readonly result: string | null;
  readonly ms: number;
}

describe('while the database, the object store and the service itself fail', () => {
  let folder: string;
  let postgres: StoppablePostgres;
  let s3: TestS3Server;
  let service: ServiceProcess;
  const answered: Answer[] = [];

  const start = async () => {
    service = await startServiceProcess({
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: join(folder, 'data'),
      DATABASE_URL: postgres.url,
      ...s3Environment(s3.settings),
    });
    // The first requests after a start take longer, whatever storage does.
    for (let warmUp = 0; warmUp < 4; warmUp++) await request('mask');
  };
  const kill = async () => {
    service.child.kill('SIGKILL');
    await service.ended;
  };

  /** Null: the service was killed before it answered. */
  async function request(kind: Answer['kind']): Promise<Answer | null> {
    const requestId = v7();
    const image = Buffer.concat([photo, randomBytes(16)]);
    const before = performance.now();
    try {
      const response = await send(service.url, kind, image, { headers: { 'x-request-id': requestId } });
      const body = Buffer.from(await response.arrayBuffer());
      const ms = performance.now() - before;
      expect(response.status).toBe(200);
      const answer = { requestId, kind, original: sha256(image), result: kind === 'mask' ? sha256(body) : null, ms };
      answered.push(answer);
      return answer;
    } catch (error) {
      if (error instanceof TypeError) return null;
      throw error;
    }
  }

  /** Milliseconds of each answer. */
  async function requests(count: number): Promise<number[]> {
    const times: number[] = [];
    let left = count;
    const client = async () => {
      while (left-- > 0) {
        const answer = await request(left % 2 === 0 ? 'detect' : 'mask');
        if (!answer) return;
        times.push(answer.ms);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, client));
    return times;
  }

  beforeAll(async () => {
    folder = await makeDataFolder('chaos');
    postgres = new StoppablePostgres(join(folder, 'server'));
    await postgres.start();
    s3 = await startS3Server();
    await start();
  });
  afterAll(async () => {
    await service.stop();
    await s3.close();
    await postgres.close();
    await rm(folder, { recursive: true });
  });

  it(
    'every request that is answered ends with one job and its objects, and no answer waits for them',
    { timeout: 600_000 },
    async () => {
      // In turns, so that whatever else slows the machine down falls on both alike.
      const part = Math.ceil(REQUESTS / (4 * ROUNDS));
      const undisturbed: number[] = [];
      const withoutDatabase: number[] = [];
      const withoutObjects: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        undisturbed.push(...(await requests(part)));
        await postgres.stop();
        withoutDatabase.push(...(await requests(part)));
        // It is killed with its database away, and starts although it still is.
        if (round === 0) await killAmidRequests();
        await postgres.start();
        await allStored();

        undisturbed.push(...(await requests(part)));
        await s3.stop();
        withoutObjects.push(...(await requests(part)));
        await s3.start();
        if (round === 0) await killAmidRequests();
        await allStored();
      }
      await service.stop();
      await expectAllStored();

      const slower = p95([...withoutDatabase, ...withoutObjects]) / p95(undisturbed);
      process.stdout.write(
        `${answered.length} answers, each with its one job and its objects; p95 ${p95(undisturbed).toFixed(0)} ms undisturbed, ` +
          `${p95(withoutDatabase).toFixed(0)} ms without database, ${p95(withoutObjects).toFixed(0)} ms without object store: ` +
          `${slower.toFixed(2)} times\n`,
      );
      expect(slower).toBeLessThan(MOST_SLOWER);
    },
  );

  async function killAmidRequests(): Promise<void> {
    const cutOff = requests(Math.ceil(REQUESTS / 10));
    await sleep(300);
    await kill();
    await cutOff;
    await start();
  }

  async function allStored(): Promise<void> {
    await expect.poll(waiting, { timeout: 120_000, interval: 200 }).toEqual([]);
  }

  /** Files that are not finished are of requests that were not answered: the service was killed meanwhile. */
  async function waiting(): Promise<string[]> {
    return (await readdir(join(folder, 'data', 'spool'))).filter((name) => name.endsWith('.job'));
  }

  async function expectAllStored(): Promise<void> {
    const database = openDatabase(postgres.url);
    const objects = new S3Store(s3.settings);
    const dataSource = await database.ready();
    const jobs: { request_id: string; sha256: string; object_key: string; result_key: string | null }[] =
      await dataSource.query(
        'SELECT request_id, sha256, object_key, result_key FROM jobs JOIN images ON images.id = image_id',
      );
    const byRequest = Map.groupBy(jobs, ({ request_id: id }) => id);
    // Also of those that were killed before they were answered, none is there twice.
    expect(byRequest.size).toBe(jobs.length);
    for (const { requestId, original, result } of answered) {
      const [job] = byRequest.get(requestId) ?? [];
      expect(job, `the job of request ${requestId}`).toBeDefined();
      expect(job!.sha256).toBe(original);
      expect(await digestOf(objects, job!.object_key)).toBe(original);
      expect(await digestOf(objects, job!.result_key)).toBe(result);
    }
    const spool = await Spool.open({
      folder: join(folder, 'data', 'spool'),
      maxBytes: 1e9,
      fullPolicy: 'oldest',
      fsync: false,
      onLost: () => undefined,
      onDamaged: () => undefined,
    });
    const reconciler = new Reconciler(database, objects, spool, () => undefined, -60_000);
    expect(await reconciler.reconcile('test', { dryRun: true })).toEqual({ orphans: [], missing: [], stuck: [] });
    await database.close();
    await objects.close();
  }
});

async function digestOf(objects: S3Store, key: string | null): Promise<string | null> {
  const bytes = key === null ? null : await objects.get(key);
  return bytes && sha256(bytes);
}

function p95(times: readonly number[]): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length * 0.95)] ?? NaN;
}

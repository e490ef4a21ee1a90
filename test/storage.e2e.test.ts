import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { v7 } from 'uuid';
import { ifPresent } from '../src/files/durable-file.ts';
import { JobRecorder } from '../src/storage/job-recorder.ts';
import { Eraser } from '../src/storage/maintenance/eraser.ts';
import { ObjectStore } from '../src/storage/objects/object-store.ts';
import { EmbeddedPostgres } from '../src/storage/records/embedded-postgres.ts';
import { Listing } from '../src/storage/records/listing.ts';
import { Spool } from '../src/storage/spool/spool.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { mayMount, mountSmallDisk } from './fixtures/small-disk.ts';
import {
  type Endpoint,
  expectProblem,
  RawClient,
  send,
  type Sending,
  type Service,
  spawnService,
  startService,
  startServiceProcess,
  until,
} from './support/service.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const photo = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');

/** The same picture in other bytes: what comes after a JPEG's end is not looked at. */
const anotherPhoto = (mark: string = randomBytes(8).toString('hex')) => Buffer.concat([photo, Buffer.from(mark)]);

describe('with storage on and nothing else configured', () => {
  let folder: string;
  let service: Service;
  const environment = () => ({
    FACE_API_STORAGE_ENABLED: 'true',
    FACE_API_DATA_FOLDER: folder,
    FACE_API_API_KEYS: 'camera:0123456789abcdef',
  });

  beforeAll(async () => {
    folder = await makeDataFolder();
    service = await startService(environment());
  });
  afterAll(async () => {
    await service.close();
    await rm(folder, { recursive: true });
  });

  const post = (endpoint: Endpoint, image: Uint8Array, sending: Sending = {}) =>
    send(service.url, endpoint, image, {
      ...sending,
      headers: { ...sending.headers, 'x-api-key': '0123456789abcdef' },
    });
  const listing = () => service.app.get(Listing);
  const objects = () => service.app.get(ObjectStore);

  /** The job of an answered request, once it is stored. */
  async function jobOf(response: Response) {
    const requestId = response.headers.get('x-request-id')!;
    const listed = await until(async () => (await listing().jobs({ requestId }, { limit: 2 })).rows);
    await until(() => service.app.get(Spool).files === 0);
    const { rows } = await listing().jobs({ requestId }, { limit: 2 });
    expect([...listed, ...rows].length).toBeGreaterThan(0);
    expect(rows).toHaveLength(1);
    return (await listing().job(rows[0]!.id))!;
  }

  it('keeps a detection: the original, and all that was found', async () => {
    const image = anotherPhoto();
    const response = await post('detect', image, { options: { landmarks: false } });
    const body = (await response.json()) as { id: string; faces: unknown[] };
    const job = await jobOf(response);
    expect(job).toMatchObject({
      kind: 'detect',
      status: 'done',
      requestId: body.id,
      apiKeyName: 'camera',
      faceCount: 1,
      maskedCount: null,
      uncertainCount: null,
      modelName: 'embedded',
      options: { landmarks: false },
      errorCode: null,
      resultKey: null,
      image: { sha256: sha256(image), type: 'jpeg', bytes: image.length, width: 400, height: 480, faceCount: 1 },
    });
    expect(job.timings).toHaveProperty('inference');
    // Whatever the caller asked to see, all of it is kept.
    expect(job.faces![0]).toHaveProperty('landmarks.nose.x');
    expect(sha256((await objects().get(job.image!.objectKey!))!)).toBe(sha256(image));
  });

  it('keeps a masking: the original and the very bytes that were answered', async () => {
    const image = anotherPhoto();
    const response = await post('mask', image, { query: { format: 'webp', method: 'solid' } });
    const answered = Buffer.from(await response.arrayBuffer());
    const job = await jobOf(response);
    expect(job).toMatchObject({
      kind: 'mask',
      maskedCount: 1,
      uncertainCount: 0,
      options: { format: 'webp', method: 'solid' },
      resultType: 'webp',
      resultBytes: answered.length,
      resultSha256: sha256(answered),
    });
    expect(sha256((await objects().get(job.resultKey!))!)).toBe(sha256(answered));
    expect(sha256((await objects().get(job.image!.objectKey!))!)).toBe(sha256(image));
  });

  it('keeps the outcome of a verification, and the options in force', async () => {
    const options = { verify: true, method: 'solid', latency_budget_ms: 600_000 };
    const job = await jobOf(await post('mask', anotherPhoto(), { query: options }));
    expect(job.options).toEqual(options);
    expect(job.settings).toMatchObject({
      ...options,
      threshold: 0.5,
      review_threshold: 0.3,
      recall: 'high',
      shape: 'ellipse',
      margin: 0.5,
      mark: false,
      metadata: ['none'],
    });
    expect(job.verification).toMatchObject({ outcome: 'clean', added_boxes: [] });
    expect(job.metadata).toBeNull();
    const detection = await jobOf(await post('detect', anotherPhoto(), { options: { max_faces: 3 } }));
    expect(detection.settings).toMatchObject({ threshold: 0.5, recall: 'standard', max_faces: 3, order: 'score' });
    expect(detection.verification).toBeNull();
  });

  it('keeps what came of the metadata that was asked for', async () => {
    const job = await jobOf(await post('mask', anotherPhoto(), { query: { metadata: 'time,credit' } }));
    expect(job).toMatchObject({
      settings: { metadata: ['time', 'credit'] },
      metadata: { time: 'missing', credit: 'missing' },
    });
  });

  it('keeps which faces of a masking are uncertain, and lists their jobs', async () => {
    const sending = { query: { threshold: 1, review_threshold: 0.3 } };
    const job = await jobOf(await post('mask', anotherPhoto(), sending));
    expect(job).toMatchObject({ faceCount: 1, maskedCount: 1, uncertainCount: 1, faces: [{ uncertain: true }] });
    const certain = await jobOf(await post('mask', anotherPhoto()));
    const { rows } = await listing().jobs({ hasUncertain: true }, { limit: 50 });
    expect(rows.map(({ id }) => id)).toContain(job.id);
    expect(rows.map(({ id }) => id)).not.toContain(certain.id);
  });

  it('keeps the same bytes once, and each of their jobs', async () => {
    const image = anotherPhoto();
    const responses = await Promise.all(['detect', 'mask', 'detect'].map((kind) => post(kind as Endpoint, image)));
    const jobs = await Promise.all(responses.map(jobOf));
    expect(new Set(jobs.map(({ imageId }) => imageId)).size).toBe(1);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(3);
  });

  it('keeps what failed, with the error that the caller was told', async () => {
    const image = anotherPhoto().subarray(0, photo.length / 2);
    const response = await post('mask', image);
    await expectProblem(response, 422, 'undecodable-image');
    const job = await jobOf(response);
    expect(job).toMatchObject({ kind: 'mask', status: 'failed', errorCode: 'undecodable_image', faceCount: null });
    expect(job.errorDetail).toMatch(/truncated or damaged/);
    expect(sha256((await objects().get(job.image!.objectKey!))!)).toBe(sha256(image));
    const other = await post('detect', Buffer.from(`no image at all ${randomBytes(4).toString('hex')}`));
    expect(await jobOf(other)).toMatchObject({
      errorCode: 'unsupported_image',
      image: { type: 'unknown', width: null },
    });
  });

  it('serves a stored image at a signed address, without an API key, and at no other', async () => {
    const image = anotherPhoto();
    const job = await jobOf(await post('detect', image));
    const url = `${service.url}${await objects().temporaryUrl(job.image!.objectKey!, 60)}`;
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/jpeg');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-security-policy')).toContain('sandbox');
    expect(sha256(Buffer.from(await response.arrayBuffer()))).toBe(sha256(image));
    const others = [
      url.replace(/signature=.{4}/, 'signature=AAAA'),
      url.replace(/expires=\d/, 'expires=9'),
      url.split('?')[0]!,
      `${service.url}/api/v1/assets/`,
      `${service.url}/api/v1/assets/..%2f..%2fasset-url.key?expires=9999999999&signature=x`,
      `${service.url}/api/v1/assets/originals?expires=1&expires=2&signature=x`,
    ];
    for (const other of others) expect((await fetch(other)).status, other).toBe(404);
    // The door that needs no key leads nowhere else, not even by a path that climbs as it was sent.
    const climbing = await RawClient.connect(service.port);
    climbing.socket.write('POST /api/v1/assets/../detect HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n');
    expect(await climbing.statusLine()).toMatch(/ 404 /);
    climbing.hangUp();
  });

  it('tells how it fares, in /health/ready and in the metrics', async () => {
    const { details } = (await (await fetch(`${service.url}/health/ready`)).json()) as { details: unknown };
    expect(details).toMatchObject({
      storage: { status: 'up', condition: 'ok', spool_files: 0, spool_bytes: 0, lost: 0 },
    });
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch(/^face_api_storage_stored_total [1-9]/m);
    expect(metrics).toMatch(/^face_api_spool_files 0$/m);
    expect(metrics).toMatch(/^face_api_storage_losses_total\{reason="spool_full"\} 0$/m);
  });

  it('erases an image, leaving no byte of it in the data folder', async () => {
    const canary = randomBytes(24).toString('hex');
    const job = await jobOf(await post('mask', anotherPhoto(canary)));
    expect(await filesWith(join(folder, 'objects'), canary)).toHaveLength(1);
    await service.app.get(Eraser).erase(job.imageId!, 'test');
    expect(await filesWith(join(folder, 'objects'), canary)).toEqual([]);
    expect(await filesWith(join(folder, 'spool'), canary)).toEqual([]);
    expect(await listing().job(job.id)).toBeNull();
    expect(await objects().get(job.resultKey!)).toBeNull();
  });

  it('has all of it after a restart', async () => {
    const before = await listing().jobs({}, { limit: 100 });
    await service.close();
    service = await startService(environment());
    expect(await listing().jobs({}, { limit: 100 })).toEqual(before);
    const { rows } = await listing().images({}, { limit: 1 });
    expect(await objects().get(rows[0]!.objectKey!)).not.toBeNull();
  });

  it('stores after a restart what waits in the spool', async () => {
    await service.close();
    const away = { ...environment(), DATABASE_URL: 'postgres://nobody:nothing@127.0.0.1:9/none' };
    service = await startService(away);
    const image = anotherPhoto();
    const response = await post('mask', image);
    expect(response.status).toBe(200);
    const ready = await fetch(`${service.url}/health/ready`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({ details: { storage: { condition: 'degraded', spool_files: 1 } } });
    await service.close();
    service = await startService(environment());
    expect(await jobOf(response)).toMatchObject({ status: 'done', image: { sha256: sha256(image) } });
  });
});

describe('a process of its own', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await makeDataFolder();
  });
  afterAll(() => rm(folder, { recursive: true }));
  const environment = () => ({ FACE_API_STORAGE_ENABLED: 'true', FACE_API_DATA_FOLDER: folder });
  const databaseRuns = async () => (await readdir(join(folder, 'postgres'))).includes('postmaster.pid');

  it('says where it keeps what, and stops its database with itself', async () => {
    const service = await startServiceProcess(environment());
    await until(() => service.output().includes('Storing images in'));
    expect(service.output()).toContain(`Storing images in the folder ${join(folder, 'objects')}, records in the`);
    expect(await databaseRuns()).toBe(true);
    service.child.kill('SIGTERM');
    expect(await service.ended).toEqual([0, null]);
    expect(await databaseRuns()).toBe(false);
  });

  it('has what it was answered after it was killed, and takes up the database that was left running', async () => {
    const killed = await startServiceProcess(environment());
    const response = await send(killed.url, 'mask', anotherPhoto());
    await killed.stop();
    expect(await databaseRuns()).toBe(true);
    const service = await startService(environment());
    const requestId = response.headers.get('x-request-id')!;
    await until(async () => (await service.app.get(Listing).jobs({ requestId }, { limit: 1 })).rows.length === 1);
    await service.close();
    expect(await databaseRuns()).toBe(false);
  });

  it('leaves no database behind where it cannot start', async () => {
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as AddressInfo;
    const service = spawnService({ ...environment(), FACE_API_PORT: String(port) });
    expect(await service.ended).toEqual([1, null]);
    expect(service.output()).toMatch(/The port is in use/);
    expect(await databaseRuns()).toBe(false);
    busy.close();
  });
});

describe('a spool without room', () => {
  const withSpool = async (policy: string, use: (service: Service) => Promise<void>) => {
    const folder = await makeDataFolder();
    const service = await startService({
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: 'postgres://nobody:nothing@127.0.0.1:9/none',
      FACE_API_SPOOL_MAX_BYTES: '1048576',
      FACE_API_SPOOL_FULL_POLICY: policy,
    });
    try {
      await use(service);
    } finally {
      await service.close();
      await rm(folder, { recursive: true });
    }
  };
  const large = () => Buffer.concat([photo, randomBytes(400_000)]);

  it('gives up the oldest jobs, and counts them, where that is the policy', () =>
    withSpool('oldest', async (service) => {
      for (let sent = 0; sent < 5; sent++) expect((await send(service.url, 'detect', large())).status).toBe(200);
      expect(service.app.get(Spool).bytes).toBeLessThanOrEqual(1_048_576);
      expect(service.app.get(Spool).files).toBe(2);
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      expect(metrics).toMatch(/^face_api_storage_losses_total\{reason="spool_full"\} 3$/m);
    }));

  it('refuses requests where that is the policy, and loses nothing', () =>
    withSpool('refuse', async (service) => {
      expect((await send(service.url, 'detect', large())).status).toBe(200);
      expect((await send(service.url, 'detect', large())).status).toBe(200);
      const refused = await send(service.url, 'detect', large());
      expect(refused.headers.get('retry-after')).toBe('10');
      await expectProblem(refused, 503, 'storage-full');
      expect(service.app.get(Spool).files).toBe(2);
    }));
});

describe('a spool that cannot be written', () => {
  const metric = async (service: Service, series: string) => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.split(' ')[1],
    );
  };
  const conditionOf = async (service: Service) => {
    const ready = await fetch(`${service.url}/health/ready`);
    expect(ready.status).toBe(200);
    return ((await ready.json()) as { details: { storage: Record<string, unknown> } }).details.storage;
  };
  const inferences = (service: Service) => metric(service, 'face_api_stage_duration_seconds_count{stage="inference"}');
  const settings = (folder: string) => ({ FACE_API_STORAGE_ENABLED: 'true', FACE_API_DATA_FOLDER: folder });

  it.skipIf(!mayMount)(
    'on a full disk refuses requests before any work, and says so, until there is room',
    async () => {
      const folder = await makeDataFolder();
      const disk = await mountSmallDisk(join(folder, 'spool'), 4_194_304);
      const service = await startService(settings(folder));
      try {
        expect((await send(service.url, 'mask', anotherPhoto())).status).toBe(200);
        expect(await conditionOf(service)).toMatchObject({ condition: 'ok' });
        await until(() => service.app.get(Spool).files === 0);
        await disk.fill();
        // The first one may come before it is known.
        await expectProblem(await send(service.url, 'mask', anotherPhoto()), 503, 'storage-full');
        const before = await inferences(service);
        for (let sent = 0; sent < 6; sent++) {
          const refused = await send(service.url, 'mask', anotherPhoto());
          expect(refused.headers.get('retry-after')).toBe('10');
          await expectProblem(refused, 503, 'storage-full');
        }
        expect(await inferences(service)).toBe(before);
        expect(await conditionOf(service)).toMatchObject({ condition: 'degraded', lost: 0 });
        expect(await metric(service, 'face_api_spool_failing')).toBe(1);
        expect((await service.app.get(JobRecorder).condition())!.problems.join()).toMatch(/the spool cannot .*ENOSPC/);

        await disk.free();
        await until(async () => (await send(service.url, 'mask', anotherPhoto())).status === 200);
        await until(async () => (await conditionOf(service))['condition'] === 'ok');
        expect(await metric(service, 'face_api_spool_failing')).toBe(0);
      } finally {
        await service.close();
        await disk.unmount();
        await rm(folder, { recursive: true });
      }
    },
  );

  it('is noticed without a request', async () => {
    const folder = await makeDataFolder();
    const service = await startService(settings(folder));
    try {
      await rename(join(folder, 'spool'), join(folder, 'elsewhere'));
      await until(async () => (await conditionOf(service))['condition'] === 'degraded');
      expect(await metric(service, 'face_api_spool_failing')).toBe(1);
      await expectProblem(await send(service.url, 'detect', anotherPhoto()), 503, 'storage-full');
      await rename(join(folder, 'elsewhere'), join(folder, 'spool'));
      await until(async () => (await conditionOf(service))['condition'] === 'ok');
    } finally {
      await service.close();
      await rm(folder, { recursive: true });
    }
  });

  it('loses jobs where that is the policy, but not in silence', async () => {
    const folder = await makeDataFolder();
    const service = await startService({ ...settings(folder), FACE_API_SPOOL_FULL_POLICY: 'oldest' });
    try {
      await rename(join(folder, 'spool'), join(folder, 'elsewhere'));
      expect((await send(service.url, 'mask', anotherPhoto())).status).toBe(200);
      expect(await conditionOf(service)).toMatchObject({ condition: 'degraded', lost: 1 });
      expect(await metric(service, 'face_api_storage_losses_total{reason="spool_write"}')).toBe(1);
      expect(await metric(service, 'face_api_spool_failing')).toBe(1);
    } finally {
      await service.close();
      await rm(folder, { recursive: true });
    }
  });
});

describe('what is damaged in the spool', () => {
  it('is put aside at the start, logged, counted and shown, and stops nothing', async () => {
    const folder = await makeDataFolder();
    const [torn, noFile] = [`${v7()}.job`, `${v7()}.job`];
    await mkdir(join(folder, 'spool', noFile), { recursive: true });
    await writeFile(join(folder, 'spool', torn), 'torn');
    const service = await startServiceProcess({
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      FACE_API_LOG_LEVEL: 'warn',
    });
    try {
      const lines = () =>
        service
          .output()
          .split('\n')
          .filter((line) => line.includes('was moved aside'));
      await until(() => lines().length === 2);
      for (const name of [torn, noFile]) expect(lines().join()).toContain(name);
      const ready = await (await fetch(`${service.url}/health/ready`)).json();
      expect(ready).toMatchObject({ details: { storage: { damaged: 2, lost: 2, spool_files: 0 } } });
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      expect(metrics).toMatch(/^face_api_spool_damaged_files 2$/m);
      expect(metrics).toMatch(/^face_api_storage_losses_total\{reason="damaged"\} 2$/m);
      expect(
        (await readdir(join(folder, 'spool', 'damaged'))).map((name) => name.slice(0, torn.length)).sort(),
      ).toEqual([torn, noFile].sort());
      expect((await send(service.url, 'mask', anotherPhoto())).status).toBe(200);
    } finally {
      await service.stop();
      await EmbeddedPostgres.stopLeftOver(folder);
      await rm(folder, { recursive: true });
    }
  });
});

describe('with storage off', () => {
  it('nothing of an image is left anywhere: not on disk, not in the log', async () => {
    const folder = await makeDataFolder();
    const canary = `CANARY${randomBytes(24).toString('hex')}`;
    const service = await startServiceProcess({
      FACE_API_DATA_FOLDER: join(folder, 'data'),
      FACE_API_LOG_LEVEL: 'trace',
      TMPDIR: folder,
    });
    const image = anotherPhoto(canary);
    for (const endpoint of ['detect', 'mask'] as const) {
      for (const way of ['raw', 'multipart', 'json'] as const) {
        expect((await send(service.url, endpoint, image, { way })).status).toBe(200);
      }
      const broken = Buffer.concat([photo.subarray(0, 3000), Buffer.from(canary)]);
      expect((await send(service.url, endpoint, broken)).status).toBe(422);
    }
    const ready = await fetch(`${service.url}/health/ready`);
    expect(await ready.json()).toMatchObject({ details: { storage: { condition: 'off' } } });
    service.child.kill('SIGTERM');
    await service.ended;
    expect(service.output()).not.toContain(canary);
    expect(service.output()).not.toContain(Buffer.from(canary).toString('base64').slice(4, -4));
    expect(await filesWith(folder, canary)).toEqual([]);
    expect(await readdir(folder)).not.toContain('data');
    await rm(folder, { recursive: true });
  });
});

async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    // What is tried to be written is gone at once.
    if (entry.isFile() && (await ifPresent(readFile(path)))?.includes(text) === true) found.push(path);
  }
  return found;
}

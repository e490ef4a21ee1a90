import { createHash, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AuditPage,
  auditPageSchema,
  type ErasureBody,
  erasureSchema,
  type ImageDetail,
  imageDetailSchema,
  type ImagePage,
  imagePageSchema,
  type JobDetail,
  jobDetailSchema,
  type JobPage,
  jobPageSchema,
  type ReconciliationBody,
  reconciliationSchema,
} from '../src/admin/kept/schemas.ts';
import { Thumbnails } from '../src/admin/kept/thumbnails.ts';
import { type RerunAnswer, rerunAnswerSchema } from '../src/admin/playground/schemas.ts';
import type { StatisticsBody } from '../src/admin/statistics/schemas.ts';
import { type SystemBody, systemSchema } from '../src/admin/system/schemas.ts';
import { InferencePool } from '../src/inference/inference-pool.ts';
import { THUMBNAIL_THREADS } from '../src/inference/worker-threads.ts';
import { detectionSchema } from '../src/inference/schemas.ts';
import { maskedSchema } from '../src/masking/schemas.ts';
import { ObjectStore } from '../src/storage/objects/object-store.ts';
import { Listing } from '../src/storage/records/listing.ts';
import { Spool } from '../src/storage/spool/spool.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { asAdmin, readJson, startAdminService, storedJob } from './support/admin-client.ts';
import { crowd, encode, portrait } from './fixtures/portraits.ts';
import { openTestBucket, s3Environment, type TestBucket } from './fixtures/s3-server.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { expectProblem, type Service, until } from './support/service.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const photo = await encode(portrait({ faceHeight: 150, width: 400, height: 480 }), 'jpeg');
/** The same picture in other bytes: what comes after a JPEG's end is not looked at. */
const anotherPhoto = () => Buffer.concat([photo, randomBytes(8)]);
const NOBODY = '01900000-0000-7000-8000-000000000000';

describe.each(['folder', 'S3'] as const)('with images in %s', (place) => {
  let folder: string;
  let database: TestDatabase;
  let bucket: TestBucket | undefined;
  let service: Service;

  beforeAll(async () => {
    folder = await makeDataFolder();
    database = await createTestDatabase();
    bucket = place === 'S3' ? await openTestBucket() : undefined;
    service = await startAdminService({
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
      FACE_API_MAX_PIXELS: '2000000',
      ...(bucket && s3Environment(bucket.settings)),
    });
  });
  afterAll(async () => {
    await service.close();
    await bucket?.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const get = async <Body>(path: string) => readJson<Body>(asAdmin(service, path));

  function tryOut(
    endpoint: 'detect' | 'mask',
    image: Uint8Array,
    { options = {}, fileName = 'a.jpg', accept = 'application/json' } = {},
  ): Promise<Response> {
    const form = new FormData();
    for (const [name, value] of Object.entries(options)) form.append(name, String(value));
    form.append('file', new Blob([Uint8Array.from(image)], { type: 'image/jpeg' }), fileName);
    return fetch(`${service.url}/api/v1/admin/playground/${endpoint}`, {
      method: 'POST',
      body: form,
      headers: { authorization: 'Bearer admin-secret-0123456789', accept },
    });
  }

  /** The job of an answered request, once it is stored. */
  async function jobOf(response: Response): Promise<JobDetail> {
    const job = await storedJob(service, response);
    return jobDetailSchema.strict().parse(await get(`/jobs/${job.id}`));
  }

  async function keep(image: Uint8Array): Promise<JobDetail> {
    return jobOf(await tryOut('detect', image));
  }

  it('tries an image out as the public routes do, and keeps it', async () => {
    const image = anotherPhoto();
    const response = await tryOut('mask', image, { options: { method: 'solid' } });
    const masked = maskedSchema.strict().parse(await response.clone().json());
    expect(masked).toMatchObject({ face_count: 1, masked_count: 1, assurance: 'irreversible' });
    const job = await jobOf(response);
    expect(job).toMatchObject({
      kind: 'mask',
      status: 'done',
      options: { method: 'solid' },
      face_count: 1,
      api_key_name: null,
      image: { sha256: sha256(image), width: 400, height: 480, stored: true },
    });
    expect(job.faces![0]).toEqual(masked.faces[0]);
    const picture = await tryOut('mask', image, { accept: 'image/*', options: { store: false } });
    expect(picture.headers.get('content-type')).toBe('image/jpeg');
    expect((await sharp(Buffer.from(await picture.arrayBuffer())).metadata()).width).toBe(400);
  });

  it('answers with candidates below the threshold where they are asked for, and keeps the faces alone', async () => {
    const image = await encode(crowd(6, { seed: 3, width: 800, height: 480, background: 'clutter' }), 'jpeg');
    const response = await tryOut('detect', image, { options: { candidates: 0.01 } });
    const { faces } = detectionSchema.strict().parse(await response.clone().json());
    const certain = faces.filter(({ score }) => score >= 0.5);
    expect(faces.length).toBeGreaterThan(certain.length);
    expect(response.headers.get('x-face-count')).toBe(String(certain.length));
    const job = await jobOf(response);
    expect(job).toMatchObject({ face_count: certain.length, image: { face_count: certain.length } });
    expect(job.faces).toEqual(certain);
  });

  it('takes the image in all the ways in which the public routes do', async () => {
    const raw = await fetch(`${service.url}/api/v1/admin/playground/detect?threshold=0.3&store=false`, {
      method: 'POST',
      body: Uint8Array.from(photo),
      headers: { authorization: 'Bearer admin-secret-0123456789', 'content-type': 'image/jpeg' },
    });
    expect(detectionSchema.parse(await raw.json()).face_count).toBe(1);
    const json = asAdmin(service, '/playground/detect', {
      method: 'POST',
      body: { image: photo.toString('base64'), store: false, landmarks: false },
    });
    expect(detectionSchema.parse(await readJson(json)).faces[0]).not.toHaveProperty('landmarks');
  });

  it('keeps nothing of what it is told not to keep', async () => {
    const image = anotherPhoto();
    const response = await tryOut('detect', image, { options: { store: false } });
    expect(detectionSchema.parse(await response.json()).face_count).toBe(1);
    // What is kept goes through the spool in order: once a later one is there, the first would be.
    await keep(anotherPhoto());
    const requestId = response.headers.get('x-request-id')!;
    expect((await get<JobPage>(`/jobs?request_id=${requestId}`)).rows).toEqual([]);
  });

  it('gives addresses that need no session, expire, and lead to the very bytes, as images alone', async () => {
    const image = anotherPhoto();
    const response = await tryOut('mask', image, { accept: 'image/*', options: { format: 'png' } });
    const masked = Buffer.from(await response.clone().arrayBuffer());
    const job = await jobOf(response);
    for (const [url, bytes, type] of [
      [job.original_url, image, 'image/jpeg'],
      [job.result_url, masked, 'image/png'],
    ] as const) {
      const asset = await fetch(new URL(url!, service.url));
      expect(asset.headers.get('content-type')).toBe(type);
      expect(sha256(Buffer.from(await asset.arrayBuffer()))).toBe(sha256(bytes));
      const parts = new URL(url!, service.url);
      expect(parts.origin === service.url).toBe(place === 'folder');
      if (place === 'folder') {
        parts.searchParams.set('expires', '1');
        expect((await fetch(parts)).status).toBe(404);
      } else {
        expect(parts.searchParams.get('X-Amz-Expires')).toBe('300');
      }
    }
    const expires = Date.parse(job.url_expires_at!) - Date.now();
    expect(expires).toBeGreaterThan(200_000);
    expect(expires).toBeLessThanOrEqual(300_000);
    const detail = imageDetailSchema.strict().parse(await get(`/images/${job.image_id!}`));
    expect(sha256(Buffer.from(await (await fetch(new URL(detail.original_url!, service.url))).arrayBuffer()))).toBe(
      sha256(image),
    );
  });

  describe('lists', () => {
    it('page through all jobs and images, each once, newest first', async () => {
      for (let sent = 0; sent < 4; sent++) await keep(anotherPhoto());
      for (const [path, schema] of [
        ['/jobs', jobPageSchema],
        ['/images', imagePageSchema],
      ] as const) {
        const seen: { id: string; created_at: string }[] = [];
        let after = '';
        do {
          const page = schema.strict().parse(await get(`${path}?limit=3${after}`));
          expect(page.rows.length).toBeLessThanOrEqual(3);
          seen.push(...page.rows);
          after = page.next === null ? '' : `&after=${page.next}`;
        } while (after !== '');
        expect(seen.length).toBeGreaterThanOrEqual(4);
        expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
        const times = seen.map(({ created_at }) => created_at);
        expect(times).toEqual(times.toSorted().toReversed());
      }
    });

    it('filter by what they say', async () => {
      await jobOf(await tryOut('mask', anotherPhoto(), { options: { threshold: 1, review_threshold: 0.3 } }));
      const failed = await tryOut('mask', anotherPhoto().subarray(0, photo.length / 2));
      await expectProblem(failed, 422, 'undecodable-image');
      const job = await jobOf(failed);
      expect(job).toMatchObject({ status: 'failed', error_code: 'undecodable_image', faces: null, result_url: null });
      expect(job.error_detail).toMatch(/truncated/);
      for (const [query, matches] of [
        ['status=failed', (row: JobPage['rows'][0]) => row.status === 'failed'],
        ['error=undecodable_image', (row: JobPage['rows'][0]) => row.error_code === 'undecodable_image'],
        ['kind=mask&status=done', (row: JobPage['rows'][0]) => row.kind === 'mask' && row.status === 'done'],
        ['min_faces=1&sort=most_faces', (row: JobPage['rows'][0]) => row.face_count! >= 1],
        ['uncertain=true', (row: JobPage['rows'][0]) => row.uncertain_count! > 0],
        [`image_id=${job.image_id!}`, (row: JobPage['rows'][0]) => row.image_id === job.image_id],
        ['model=embedded', (row: JobPage['rows'][0]) => row.model_name === 'embedded'],
        [`to=${job.created_at}`, (row: JobPage['rows'][0]) => row.created_at < job.created_at],
      ] as const) {
        const { rows } = await get<JobPage>(`/jobs?${query}`);
        expect(rows.length, query).toBeGreaterThan(0);
        expect(rows.every(matches), query).toBe(true);
      }
      expect((await get<JobPage>('/jobs?model=other')).rows).toEqual([]);
      expect((await get<ImagePage>('/images?type=png')).rows).toEqual([]);
      expect((await get<ImagePage>('/images?min_faces=1&type=jpeg')).rows.length).toBeGreaterThan(0);
    });

    it.each([
      '/jobs?limit=0',
      '/jobs?limit=201',
      '/jobs?limit=1&limit=2',
      '/jobs?sort=best',
      '/jobs?after=nonsense',
      '/jobs?min_faces=-1',
      '/jobs?model=%00',
      '/jobs?from=today',
      '/jobs?image_id=1',
      '/jobs?uncertain=1',
      '/jobs?unknown=1',
      '/images?after=bm9uc2Vuc2U',
      '/images/1',
      '/jobs/..%2f..',
      `/images/${NOBODY}/thumbnail?width=63`,
      `/images/${NOBODY}/thumbnail?width=641`,
      '/audit?limit=x',
      '/jobs.csv?limit=5',
    ])('refuse %s', async (path) => {
      await expectProblem(await asAdmin(service, path), 400, 'invalid-request');
    });

    it.each([`/images/${NOBODY}`, `/jobs/${NOBODY}`, `/images/${NOBODY}/thumbnail`])('know of no %s', async (path) => {
      await expectProblem(await asAdmin(service, path), 404, 'not-found');
    });
  });

  describe('thumbnails', () => {
    const thumbnail = (id: string, query = '', headers: Record<string, string> = {}) =>
      asAdmin(service, `/images/${id}/thumbnail${query}`, { headers });

    it('are small WebP images, kept by browsers that ask each time', async () => {
      const { image } = await keep(anotherPhoto());
      expect(image!.thumbnail_url).toBe(`/api/v1/admin/images/${image!.id}/thumbnail`);
      const response = await thumbnail(image!.id, '?width=96');
      expect(response.headers.get('content-type')).toBe('image/webp');
      expect(response.headers.get('cache-control')).toBe('private, no-cache');
      const { format, width, height } = await sharp(Buffer.from(await response.arrayBuffer())).metadata();
      expect({ format, width, height }).toEqual({ format: 'webp', width: 80, height: 96 });
      const tag = response.headers.get('etag')!;
      const again = await thumbnail(image!.id, '?width=96', { 'if-none-match': tag });
      expect([again.status, await again.text()]).toEqual([304, '']);
      expect((await thumbnail(image!.id, '?width=128', { 'if-none-match': tag })).status).toBe(200);
    });

    it('stand upright, show the first frame, are never larger than the image, and carry nothing else', async () => {
      const turned = await sharp(photo)
        .withExif({ IFD0: { Artist: 'somebody' } })
        .withMetadata({ orientation: 6 })
        .jpeg()
        .toBuffer();
      const red = { create: { width: 60, height: 40, channels: 3, background: '#f00' } } as const;
      const frames = await Promise.all(
        ['#f00', '#00f'].map((background) =>
          sharp({ create: { ...red.create, background } })
            .png()
            .toBuffer(),
        ),
      );
      const film = await sharp(frames, { join: { animated: true } })
        .gif()
        .toBuffer();
      for (const [bytes, expected] of [
        [turned, { width: 320, height: 267 }],
        [film, { width: 60, height: 40 }],
      ] as const) {
        const { image } = await keep(bytes);
        const small = Buffer.from(await (await thumbnail(image!.id)).arrayBuffer());
        const { width, height, exif, pages } = await sharp(small).metadata();
        expect({ width, height, exif, pages }).toMatchObject({ ...expected, exif: undefined, pages: undefined });
        if (bytes === film) {
          const { dominant } = await sharp(small).stats();
          expect(dominant.r).toBeGreaterThan(200);
          expect(dominant.b).toBeLessThan(50);
        }
      }
    });

    it('are refused of what cannot be decoded or has too many pixels', async () => {
      const { image } = await jobOf(
        await tryOut('detect', Buffer.concat([Buffer.from([255, 216, 255]), randomBytes(99)])),
      );
      expect(image!.thumbnail_url).toBeNull();
      await expectProblem(await thumbnail(image!.id), 422, 'undecodable-image');
      const large = await sharp({ create: { width: 2000, height: 1500, channels: 3, background: '#123' } })
        .png()
        .toBuffer();
      const response = await tryOut('detect', large);
      await expectProblem(response.clone(), 413, 'too-many-pixels');
      await expectProblem(await thumbnail((await jobOf(response)).image!.id), 413, 'too-many-pixels');
    });

    it('many at once leave the threads of inference free', async () => {
      const { image } = await keep(anotherPhoto());
      const pool = service.app.get(InferencePool);
      let most = 0;
      const watch = setInterval(() => (most = Math.max(most, pool.load.running + pool.load.waiting)), 1);
      const answers = await Promise.all(Array.from({ length: 40 }, () => thumbnail(image!.id, '?width=640')));
      clearInterval(watch);
      expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(200));
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThanOrEqual(THUMBNAIL_THREADS);
    });

    it('that nobody waits for any more are not begun', async () => {
      const thumbnails = service.app.get(Thumbnails);
      const held = Promise.withResolvers<null>();
      const nobodyLeaves = new AbortController().signal;
      const running = Array.from({ length: THUMBNAIL_THREADS }, () =>
        thumbnails.make(() => held.promise, 64, nobodyLeaves),
      );
      const leaving = new AbortController();
      let wasRead = false;
      const waiting = thumbnails.make(
        () => {
          wasRead = true;
          return Promise.resolve(null);
        },
        64,
        leaving.signal,
      );
      leaving.abort(new Error('gone'));
      await expect(waiting).rejects.toThrow('gone');
      held.resolve(null);
      expect(await Promise.all(running)).toEqual(running.map(() => null));
      expect(wasRead).toBe(false);
    });
  });

  describe('a rerun', () => {
    const rerun = (id: string, body: unknown) => asAdmin(service, `/images/${id}/jobs`, { method: 'POST', body });

    it('makes another job of the image, with other options, and says who wanted it', async () => {
      const { image } = await keep(anotherPhoto());
      const response = await rerun(image!.id, { kind: 'mask', options: { method: 'pixelate', format: 'webp' } });
      expect(response.status).toBe(201);
      const answer = rerunAnswerSchema.strict().parse(await response.json());
      expect(answer).toMatchObject({ kind: 'mask', face_count: 1, masked_count: 1 });
      const job = await until(async () => {
        const found = await asAdmin(service, `/jobs/${answer.job_id}`);
        return found.status === 200 && ((await found.json()) as JobDetail);
      });
      expect(job).toMatchObject({
        kind: 'mask',
        image_id: image!.id,
        result_type: 'webp',
        options: { method: 'pixelate' },
      });
      const { rows } = auditPageSchema.strict().parse(await get('/audit'));
      expect(rows[0]).toMatchObject({ action: 'rerun', actor: 'token:robot', subject: image!.id });
      const detected = await readJson<RerunAnswer>(rerun(image!.id, { kind: 'detect' }));
      expect(detected).toMatchObject({ kind: 'detect', face_count: 1, masked_count: null });
    });

    it.each([
      [{ kind: 'paint' }],
      [{ kind: 'detect', options: { method: 'solid' } }],
      [{ kind: 'mask', options: { method: 'gaussian' } }],
      [{}],
      [[]],
    ])('is refused as %j', async (body) => {
      await expectProblem(await rerun(NOBODY, body), 400, 'invalid-request');
    });

    it('is refused of an image that there is none of', async () => {
      await expectProblem(await rerun(NOBODY, { kind: 'detect' }), 404, 'not-found');
    });

    it('is counted in the statistics, whether it succeeds or fails', async () => {
      const totals = async () => (await get<StatisticsBody>('/statistics')).totals;
      const { image } = await keep(anotherPhoto());
      const before = await totals();
      for (const kind of ['detect', 'mask']) await readJson(rerun(image!.id, { kind }));
      await (await rerun(NOBODY, { kind: 'detect' })).arrayBuffer();
      const after = await until(async () => {
        const now = await totals();
        return now.requests >= before.requests + 3 && now;
      });
      expect(after.requests).toBe(before.requests + 3);
      expect(after.client_errors).toBe(before.client_errors + 1);
      expect(after.faces).toBe(before.faces + 2);
      expect(after.masked).toBe(before.masked + 1);
    });
  });

  describe('erasing', () => {
    it('is told beforehand, removes objects, rows and what waits, and is recorded with who did it', async () => {
      const image = anotherPhoto();
      const job = await jobOf(await tryOut('mask', image));
      const path = `/images/${job.image_id!}`;
      const [objects, spool] = [service.app.get(ObjectStore), service.app.get(Spool)];
      const before = erasureSchema.parse(
        await readJson(asAdmin(service, `${path}?dry_run=true`, { method: 'DELETE' })),
      );
      expect(before).toEqual({ image_id: job.image_id, jobs: 1, objects: 2, spooled: 0 });
      expect((await get<ImageDetail>(path)).stored).toBe(true);

      // One that waits in the spool, as another instance would leave it there.
      const { finishedJob } = await import('./fixtures/stored-jobs.ts');
      await spool.write(finishedJob({ original: image }));
      const erased = await readJson<ErasureBody>(asAdmin(service, path, { method: 'DELETE' }));
      expect(erased).toEqual({ image_id: job.image_id, jobs: 1, objects: 2, spooled: 1 });
      await expectProblem(await asAdmin(service, path), 404, 'not-found');
      await expectProblem(await asAdmin(service, `/jobs/${job.id}`), 404, 'not-found');
      await expectProblem(await asAdmin(service, `${path}/thumbnail`), 404, 'not-found');
      expect((await fetch(new URL(job.original_url!, service.url))).status).toBe(404);
      expect(spool.files).toBe(0);
      const left = [];
      for await (const { key } of objects.list('originals/')) left.push(key);
      expect(left.join()).not.toContain(sha256(image));
      const { rows } = await get<AuditPage>('/audit?limit=1');
      expect(rows[0]).toMatchObject({
        action: 'erase',
        actor: 'token:robot',
        subject: job.image_id,
        counts: { jobs: 1, objects: 2, spooled: 1 },
      });
      await expectProblem(await asAdmin(service, path, { method: 'DELETE' }), 404, 'not-found');
    });
  });

  it('reconciles, first only to say what it would do, and one at a time', async () => {
    const job = await keep(anotherPhoto());
    const objects = service.app.get(ObjectStore);
    const row = (await service.app.get(Listing).image(job.image_id!))!;
    await objects.delete(row.objectKey!);
    const dry = reconciliationSchema
      .strict()
      .parse(await readJson(asAdmin(service, '/reconciliation', { method: 'POST', body: {} })));
    expect(dry).toMatchObject({ dry_run: true, missing: { count: 1, examples: [row.objectKey] } });
    expect((await get<ImageDetail>(`/images/${row.id}`)).stored).toBe(true);

    const { withLockIfFree } = await import('../src/storage/records/locks.ts');
    const refused = await withLockIfFree(service.app.get(DataSource), 'reconciliation', () =>
      asAdmin(service, '/reconciliation', { method: 'POST', body: { dry_run: false } }),
    );
    await expectProblem(refused!, 409, 'already-running');

    const done = await readJson<ReconciliationBody>(
      asAdmin(service, '/reconciliation', { method: 'POST', body: { dry_run: false } }),
    );
    expect(done).toMatchObject({ dry_run: false, missing: { count: 1 } });
    expect(await get<ImageDetail>(`/images/${row.id}`)).toMatchObject({
      stored: false,
      original_url: null,
      thumbnail_url: null,
    });
    const { rows } = await get<AuditPage>('/audit?limit=1');
    expect(rows[0]).toMatchObject({ action: 'reconcile', actor: 'token:robot', counts: { missing: 1 } });
    const rerun = await asAdmin(service, `/images/${row.id}/jobs`, { method: 'POST', body: { kind: 'detect' } });
    await expectProblem(rerun, 404, 'not-found');
  });

  it('exports all jobs of a filter as CSV', async () => {
    await keep(anotherPhoto());
    const response = await asAdmin(service, '/jobs.csv?status=done&sort=oldest');
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="jobs.csv"');
    const rows = parse<Record<string, string>>(await response.text(), { columns: true });
    const listed = await get<JobPage>('/jobs?status=done&sort=oldest&limit=200');
    expect(rows).toHaveLength(listed.rows.length);
    expect(rows[0]).toEqual(
      Object.fromEntries(
        Object.entries(listed.rows[0]!).map(([name, value]) => [name, value === null ? '' : String(value)]),
      ),
    );
  });

  it('describes the system, with what it stands on', async () => {
    const system = systemSchema.strict().parse(await get<SystemBody>('/system'));
    expect(system).toMatchObject({
      role: 'all',
      model: { name: 'embedded', license: 'MIT', source: 'included in the service' },
      second_model: null,
      pool: { slots_used: 0, inference_used: 0 },
      storage: {
        enabled: true,
        condition: 'ok',
        database: { kind: 'external', reachable: true },
        objects: { kind: place === 'S3' ? 's3' : 'folder', reachable: true },
        spool: { files: 0, lost: 0 },
      },
      disk: { path: folder },
    });
    expect(system.pool.threads).toBeGreaterThan(2);
    expect(system.disk!.free_bytes).toBeGreaterThan(0);
    expect(system.disk!.total_bytes).toBeGreaterThan(system.disk!.free_bytes);
    const text = JSON.stringify(system);
    expect(text).not.toContain('admin-secret-0123456789');
    const { password } = new URL(database.url);
    if (password !== '') expect(text).not.toContain(password);
  });

  describe('what others wrote', () => {
    const SCRIPT = '<script>alert(1)</script>';

    it('comes back as JSON, CSV or an image, and never as a page', async () => {
      const stuffed = await sharp(photo)
        .withExif({ IFD0: { Artist: SCRIPT, ImageDescription: `"><img src=x onerror=alert(1)>` } })
        .jpeg()
        .toBuffer();
      const response = await tryOut('mask', stuffed, { fileName: `${SCRIPT}.jpg`, options: { color: '#000000' } });
      const job = await jobOf(response);
      const html = Buffer.from(`<html>${SCRIPT}</html>`);
      const failed = await jobOf(await tryOut('detect', html, { fileName: `x".svg${SCRIPT}` }));
      expect(failed.error_code).toBe('unsupported_image');
      for (const path of [
        `/jobs/${job.id}`,
        `/jobs/${failed.id}`,
        '/jobs',
        '/jobs.csv',
        '/images',
        `/images/${job.image_id!}`,
        `/images/${job.image_id!}/thumbnail`,
        `/images/${failed.image_id!}`,
        `/images/${failed.image_id!}/thumbnail`,
        '/audit',
        '/system',
        `/jobs?model=${encodeURIComponent(SCRIPT)}`,
        `/jobs?sort=${encodeURIComponent(SCRIPT)}`,
        `/${encodeURIComponent(SCRIPT)}`,
      ]) {
        const { headers, status } = await asAdmin(service, path);
        expect([status, headers.get('content-type')?.split(';')[0]], path).toEqual([
          expect.any(Number),
          expect.stringMatching(/^(application\/(problem\+)?json|text\/csv|image\/webp)$/),
        ]);
        expect(headers.get('x-content-type-options'), path).toBe('nosniff');
      }
      if (place === 'folder') {
        for (const [url, type] of [
          [job.original_url, 'image/jpeg'],
          [failed.original_url, 'application/octet-stream'],
        ] as const) {
          const { headers } = await fetch(new URL(url!, service.url));
          expect(headers.get('content-type')).toBe(type);
          expect(headers.get('x-content-type-options')).toBe('nosniff');
          expect(headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
        }
      }
    });
  });
});

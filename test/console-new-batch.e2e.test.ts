import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer as readAll } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { unzipSync, zipSync } from 'fflate';
import type { Browser, Page } from 'playwright-core';
import { pack } from 'tar-stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AdminBatchBody, AdminBatchPageBody } from '../src/admin/batches/schemas.ts';
import type { AuditPage } from '../src/admin/kept/schemas.ts';
import { sqlOf } from '../src/jobs/sql.ts';
import { Database } from '../src/storage/records/database.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { getObjects, openTestBucket, s3Environment, type TestBucket } from './fixtures/s3-server.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { readJson } from './support/admin-client.ts';
import {
  expectAccessible,
  hasBrowser,
  inEachLook,
  screenshot,
  settled,
  signIn,
  type Visitor,
  visit,
} from './support/browser.ts';
import { openBrowser } from './support/chromium.ts';
import { bearer, loggedIn, operatorSettings } from './support/operator.ts';
import { expectProblem, type Service, startService, until } from './support/service.ts';

const MAX_UPLOAD_BYTES = 3_000_000;
const MAX_ITEMS = 3;
const photo = await encode(portrait({ width: 240, height: 320 }), 'jpeg');
const other = await encode(portrait({ width: 260, height: 300, seed: 7 }), 'jpeg');

describe('a batch that is started in the console', () => {
  let folder: string;
  let database: TestDatabase;
  let bucket: TestBucket;
  let service: Service;

  beforeAll(async () => {
    folder = await makeDataFolder('new-batch');
    database = await createTestDatabase();
    bucket = await openTestBucket();
    const { FACE_API_S3_BUCKET: bucketName, ...s3 } = s3Environment(bucket.settings);
    service = await startService({
      ...(await operatorSettings()),
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: join(folder, 'data'),
      DATABASE_URL: database.url,
      FACE_API_MASK_RECALL: 'fast',
      FACE_API_MAX_UPLOAD_BYTES: String(MAX_UPLOAD_BYTES),
      FACE_API_BATCH_MAX_ITEMS: String(MAX_ITEMS),
      ...s3,
      FACE_API_BATCH_S3_OUTPUT_ALLOW: `${bucketName}/masked`,
    });
  });
  afterAll(async () => {
    await service.close();
    await bucket.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const api = (path: string, init: RequestInit = {}) =>
    fetch(`${service.url}/api/v1/admin${path}`, { ...init, headers: bearer });
  const auditOf = async (id: string) => {
    const { rows } = await readJson<AuditPage>(api('/audit'));
    return rows.filter(({ subject }) => subject === id).map(({ action, actor, counts }) => [action, actor, counts]);
  };

  describe.skipIf(!hasBrowser)('as an operator does it', () => {
    let browser: Browser;
    let visitor: Visitor;
    let page: Page;

    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(() => browser.close());
    beforeEach(async () => {
      visitor = await visit(browser, service.url, { reducedMotion: 'reduce' });
      page = visitor.page;
      await signIn(page, '/admin/batches');
      await settled(page);
    });
    afterEach(async () => {
      expect(visitor.complaints).toEqual([]);
      await visitor.leave();
    });

    /** As from a file manager. */
    const drop = async (path: string) => {
      const devTools = await page.context().newCDPSession(page);
      const data = { items: [], files: [path], dragOperationsMask: 1 };
      for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
        await devTools.send('Input.dispatchDragEvent', { type, x: 600, y: 200, data });
      }
    };
    const choose = (...files: { name: string; mimeType: string; buffer: Buffer }[]) =>
      page.getByLabel('Images or archives').setInputFiles(files);
    const jpeg = (name: string, buffer = photo) => ({ name, mimeType: 'image/jpeg', buffer });
    const files = () => page.getByRole('list', { name: 'Files of the batch' }).getByRole('listitem').allInnerTexts();
    const valueOf = (name: string) =>
      page.getByText(name, { exact: true }).locator('xpath=ancestor-or-self::dt/following-sibling::dd[1]');
    const look = (what: string) =>
      inEachLook(page, async (colorScheme, width) => {
        await expectAccessible(page, `${what}, ${colorScheme}, ${width} pixels`);
        const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        expect(overflow, `wider than ${width} pixels`).toBeLessThanOrEqual(0);
        await screenshot(page, `${what}-${colorScheme}-${width}`);
      });
    const latest = async () => (await readJson<AdminBatchPageBody>(api('/batches'))).rows[0]!;

    it('names the files of a dropped folder with their sizes, sends the images, and shows the progress', async () => {
      const shoot = join(folder, 'shoot');
      await mkdir(join(shoot, 'day 1'), { recursive: true });
      await writeFile(join(shoot, 'day 1', 'ä one.jpg'), photo);
      await writeFile(join(shoot, 'two.jpg'), other);
      await writeFile(join(shoot, 'notes.txt'), 'no image');
      await writeFile(join(shoot, '.DS_Store'), 'hidden');
      await page.getByText('Up to 3 images of 3.0 MB each, and 10.7 GB in total.').waitFor();
      await drop(shoot);
      await page.getByText('1 file is left out. shoot/notes.txt is not an image.').waitFor();
      const size = (bytes: Buffer) => `${(bytes.length / 1000).toFixed(1)} KB`;
      expect(await files()).toEqual([`shoot/day 1/ä one.jpg\n${size(photo)}`, `shoot/two.jpg\n${size(other)}`]);
      expect(visitor.answers.filter(({ method }) => method === 'POST')).toHaveLength(1);
      await page.getByLabel('Method').selectOption('solid');
      await page.getByLabel('Color').fill('#ff0000');
      await page.getByText('Detection', { exact: true }).click();
      await page.getByLabel('Threshold', { exact: true }).fill('0.4');
      await look('new-batch');
      await page.getByRole('button', { name: 'Mask 2 images' }).click();
      await page.getByRole('heading', { name: /^Mask batch/ }).waitFor();
      await page.getByRole('link', { name: 'Download results' }).waitFor({ timeout: 30_000 });
      expect(await valueOf('Done').innerText()).toBe('2');
      expect(await valueOf('Started by').innerText()).toBe('console');
      const batch = await latest();
      expect(batch).toMatchObject({
        kind: 'mask',
        options: { method: 'solid', color: '#ff0000', threshold: 0.4 },
        api_key_name: null,
        started_by: 'console',
      });
      const results = await api(`/batches/${batch.id}/result`);
      expect(Object.keys(unzipSync(new Uint8Array(await results.arrayBuffer()))).toSorted()).toEqual([
        'manifest.jsonl',
        'shoot/day 1/ä one.jpg',
        'shoot/two.jpg',
      ]);
      expect(await auditOf(batch.id)).toEqual([['start_batch', 'console', { images: 2 }]]);
      await page.goto('/admin/system/audit');
      await page.getByRole('row', { name: 'start batch' }).getByRole('link', { name: batch.id }).click();
      await page.getByRole('heading', { name: /^Mask batch/ }).waitFor();
      // The list of files is empty again.
      await page.getByRole('link', { name: 'Batches' }).first().click();
      await page.getByText('Drop images').waitFor();
      expect(await files()).toEqual([]);
    });

    it('takes the files of a chosen folder, of a ZIP and of a tar', async () => {
      const album = join(folder, 'album');
      await mkdir(album, { recursive: true });
      await writeFile(join(album, 'one.jpg'), photo);
      await writeFile(join(album, '.hidden.jpg'), other);
      await page.getByLabel('Folder', { exact: true }).setInputFiles(album);
      await page.getByText('album/one.jpg').waitFor();
      const buffer = Buffer.from(zipSync({ 'inside/two.jpg': other }));
      await choose({ name: 'photos.zip', mimeType: 'application/zip', buffer });
      const tar = pack();
      tar.entry({ name: 'inside/three.jpg' }, photo);
      tar.finalize();
      await choose({ name: 'photos.tar.gz', mimeType: 'application/gzip', buffer: gzipSync(await readAll(tar)) });
      await page.getByText('photos.tar.gz').waitFor();
      expect(await files()).toHaveLength(3);
      await page.getByText('Detect', { exact: true }).click();
      await page.getByRole('button', { name: 'Detect faces in 3 files' }).click();
      await page.getByRole('heading', { name: /^Detect batch/ }).waitFor();
      await expect.poll(() => valueOf('Done').innerText(), { timeout: 30_000 }).toBe('3');
    });

    it('shows what has been sent and how fast, and is canceled with nothing left', async () => {
      const devTools = await page.context().newCDPSession(page);
      const throughput = 150_000;
      await devTools.send('Network.enable');
      await devTools.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: throughput,
      });
      const before = await latest();
      const large = Buffer.concat([photo, Buffer.alloc(MAX_UPLOAD_BYTES - photo.length)]);
      await choose(jpeg('one.jpg', large), jpeg('two.jpg', large));
      await page.getByRole('button', { name: 'Mask 2 images' }).click();
      await page.getByText(/^\S+ \wB of 6\.0 MB, .*B\/s, .* left$/).waitFor();
      const progress = page.getByRole('progressbar', { name: 'Upload' });
      const sent = () => progress.evaluate(({ value, max }: { value: number; max: number }) => value / max);
      await expect.poll(sent, { timeout: 10_000 }).toBeGreaterThan(0.02);
      expect(await sent()).toBeLessThan(1);
      // The upload goes on while other pages are visited.
      await page.getByRole('link', { name: 'System' }).click();
      await page.getByRole('heading', { name: 'System' }).waitFor();
      await page.getByRole('link', { name: 'Batches' }).click();
      await inEachLook(page, async (colorScheme, width) => {
        await expectAccessible(page, `an upload, ${colorScheme}, ${width} pixels`);
        await screenshot(page, `new-batch-upload-${colorScheme}-${width}`);
      });
      await page.getByRole('button', { name: 'Cancel upload' }).click();
      await page.getByRole('button', { name: 'Mask 2 images' }).waitFor();
      expect((await latest()).id).toBe(before.id);
      const sql = sqlOf(await service.app.get(Database).ready());
      const unfinished = () => sql.query(`SELECT id FROM batches WHERE state = 'receiving'`);
      await expect.poll(async () => (await unfinished()).rows).toEqual([]);
    });

    it('cannot be started beyond the limits, and says so before anything is sent', async () => {
      await choose(...['a.jpg', 'b.jpg', 'c.jpg', 'd.jpg'].map((name) => jpeg(name)));
      await page.getByText('These are 4 images; the limit is 3. Start several batches.').waitFor();
      const start = page.getByRole('button', { name: 'Mask 4 images' });
      expect(await start.isDisabled()).toBe(true);
      await page.getByRole('button', { name: 'Remove a.jpg' }).click();
      await page.getByRole('button', { name: 'Mask 3 images' }).waitFor();
      expect(await page.getByText('Start several batches').count()).toBe(0);
      await choose(jpeg('large.jpg', Buffer.alloc(MAX_UPLOAD_BYTES + 1)));
      await page.getByText('large.jpg has 3.0 MB; the limit is 3.0 MB. Choose a smaller file.').waitFor();
    });

    it('is started once if the response was lost and it is started again', async () => {
      await page.route('**/admin/batches', async (route) => {
        if (route.request().method() === 'GET') await route.fallback();
        else {
          await route.fetch();
          await route.abort();
        }
      });
      await choose(jpeg('once.jpg'));
      await page.getByRole('button', { name: 'Mask 1 image' }).click();
      await page.getByText('Service unreachable').waitFor();
      const { id } = await latest();
      await page.unroute('**/admin/batches');
      await page.getByRole('button', { name: 'Mask 1 image' }).click();
      await page.getByRole('heading', { name: /^Mask batch/ }).waitFor();
      expect(page.url()).toContain(id);
      expect(await auditOf(id)).toHaveLength(1);
    });

    it('writes its results to a folder in S3, if a setting allows it', async () => {
      await choose(jpeg('once.jpg'));
      await page.getByText('Folder in S3').click();
      const field = page.getByLabel('Folder for the results');
      expect(await field.inputValue()).toBe(`${bucket.settings.bucket}/masked`);
      await look('new-batch-output');
      await field.fill(`${bucket.settings.bucket}/elsewhere`);
      await page.getByRole('button', { name: 'Mask 1 image' }).click();
      await page.getByText('FACE_API_BATCH_S3_OUTPUT_ALLOW').waitFor();
      await field.fill(`${bucket.settings.bucket}/masked/2026`);
      await page.getByRole('button', { name: 'Mask 1 image' }).click();
      await page.getByText(`s3://${bucket.settings.bucket}/masked/2026/`).waitFor();
      await page.getByText('done', { exact: true }).waitFor();
      expect(await page.getByText('Download results').count()).toBe(0);
      await look('batch-output');
      const objects = await getObjects(bucket.settings, 'masked/2026/');
      expect([...objects.keys()]).toEqual(['masked/2026/manifest.jsonl', 'masked/2026/once.jpg']);
    });
  });

  describe('as its API gives it', () => {
    const waitUntilEnded = (id: string) =>
      until(async () => (await readJson<AdminBatchBody>(api(`/batches/${id}`))).finished_at !== null);
    const form = (...names: string[]) => {
      const body = new FormData();
      body.append('kind', 'detect');
      for (const name of names) body.append('file', new Blob([photo]), name);
      return body;
    };
    const send = (init: RequestInit) => fetch(`${service.url}/api/v1/admin/batches`, { method: 'POST', ...init });

    it('needs a session, and comes from no other site', async () => {
      await expectProblem(await send({ body: form('a.jpg') }), 401, 'unauthorized');
      const headers = { ...(await loggedIn(service.url)), 'sec-fetch-site': 'cross-site' };
      await expectProblem(await send({ body: form('a.jpg'), headers }), 403, 'foreign-origin');
    });

    it('belongs to no API key, not even where none is required', async () => {
      const response = await send({ body: form('a.jpg'), headers: bearer });
      expect(response.status).toBe(202);
      const { id, started_by: by } = (await response.json()) as AdminBatchBody;
      expect(by).toBe('token:robot');
      await expectProblem(await fetch(`${service.url}/api/v1/jobs/${id}`), 404, 'not-found');
    });

    it('is in the audit log with the folder in S3 to which it writes', async () => {
      const body = form('a.jpg');
      body.append('output', JSON.stringify({ s3: { bucket: bucket.settings.bucket, prefix: 'masked/audit' } }));
      const { id } = await readJson<AdminBatchBody>(send({ body, headers: bearer }));
      const { rows } = await readJson<AuditPage>(api('/audit'));
      expect(rows.find(({ subject }) => subject === id)).toMatchObject({
        action: 'start_batch',
        place: `s3://${bucket.settings.bucket}/masked/audit/`,
      });
      await waitUntilEnded(id);
    });

    it('is in the audit log if it is canceled while its images are being listed', async () => {
      const { id } = await readJson<AdminBatchBody>(send({ body: form('a.jpg'), headers: bearer }));
      await waitUntilEnded(id);
      const sql = sqlOf(await service.app.get(Database).ready());
      await sql.query(`UPDATE batches SET state = 'listing', finished_at = NULL WHERE id = $1`, [id]);
      const { state } = await readJson<AdminBatchBody>(api(`/batches/${id}`, { method: 'DELETE' }));
      expect(state).toBe('canceled');
      expect((await auditOf(id))[0]).toEqual(['cancel_batch', 'token:robot', { images: 0 }]);
    });

    it('is in the audit log: started, canceled, retried, each if it changed something', async () => {
      const { id } = await readJson<AdminBatchBody>(send({ body: form('a.jpg', 'b.txt'), headers: bearer }));
      const cancel = () => readJson<AdminBatchBody>(api(`/batches/${id}`, { method: 'DELETE' }));
      const { counts } = await cancel();
      await cancel();
      const sql = sqlOf(await service.app.get(Database).ready());
      await sql.query(`UPDATE batches SET state = 'done', dead_count = 1 WHERE id = $1`, [id]);
      await sql.query(`UPDATE batch_items SET state = 'dead' WHERE batch_id = $1 AND position = 0`, [id]);
      await readJson(api(`/batches/${id}/retry`, { method: 'POST' }));
      const actions = await auditOf(id);
      expect(actions).toEqual([
        ['retry_batch', 'token:robot', { images: 1 }],
        ['cancel_batch', 'token:robot', { images: counts.canceled }],
        ['start_batch', 'token:robot', { images: 2 }],
      ]);
    });
  });
});

import { readFile, rm } from 'node:fs/promises';
import { unzipSync } from 'fflate';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AdminBatchBody, AdminBatchDetailBody, AdminBatchPageBody } from '../src/admin/batches/schemas.ts';
import { Batches } from '../src/jobs/batches.ts';
import { type BatchOrder, type Settlement, settleItem } from '../src/jobs/batch-records.ts';
import { sqlOf } from '../src/jobs/sql.ts';
import { findDueDelivery, recordAttempt } from '../src/jobs/webhooks/webhook-records.ts';
import { Database } from '../src/storage/records/database.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { encode, portrait } from './fixtures/portraits.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { ADMIN_ENVIRONMENT, asAdmin, readJson } from './support/admin-client.ts';
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
import { operatorSettings } from './support/operator.ts';
import { type Environment, expectProblem, type Service, startService } from './support/service.ts';

const photo = await encode(portrait({ width: 240, height: 320 }), 'jpeg');

const DONE: Settlement = {
  state: 'done',
  outcome: { face_count: 1 },
  input: { bytes: 1, sha256: '0'.repeat(64) },
  result: null,
};
const failed = (state: 'failed' | 'dead', code: string, detail: string): Settlement => ({
  state,
  error: { code, detail },
});

/**
 * The service has the role `admin`, which processes no batches: they stand still unless a test writes the outcome of an
 * item, or starts a worker.
 */
describe('batches in the console', () => {
  let folder: string;
  let database: TestDatabase;
  let environment: Environment;
  let service: Service;

  beforeAll(async () => {
    folder = await makeDataFolder('batches');
    database = await createTestDatabase();
    environment = {
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
      FACE_API_MASK_RECALL: 'fast',
      FACE_API_API_KEYS: 'paper:a-secret-of-the-paper',
    };
    const operator = await operatorSettings();
    const tokens = `${operator['FACE_API_ADMIN_TOKENS']},${ADMIN_ENVIRONMENT['FACE_API_ADMIN_TOKENS']}`;
    service = await startService({
      ...environment,
      ...operator,
      FACE_API_ADMIN_TOKENS: tokens,
      FACE_API_ROLE: 'admin',
    });
  });
  afterAll(async () => {
    await service.close();
    await database.close();
    await rm(folder, { recursive: true });
  });

  const create = async (
    count: number,
    key: string | null = 'paper',
    options = {},
    webhook?: string,
  ): Promise<string> => {
    const intake = await service.app.get(Batches).receive(key, 'request');
    for (let at = 0; at < count; at++) await intake.add({ name: `shoot/photo ${at} ä.jpg`, bytes: photo });
    const order: BatchOrder = { kind: 'mask', options, priority: 0 };
    await intake.complete(webhook === undefined ? order : { ...order, webhook });
    return intake.id;
  };
  const settle = async (id: string, first: number, last: number, settlement: Settlement) => {
    const sql = sqlOf(await service.app.get(Database).ready());
    let webhookJobId: string | null | undefined;
    for (let position = first; position <= last; position++) {
      ({ webhookJobId } = (await settleItem(sql, { batchId: id, position, attempts: 0 }, settlement))!);
    }
    return webhookJobId;
  };
  /** As a worker does whose receiver is gone */
  const giveUpWebhook = async (jobId: string, status: number) => {
    const sql = sqlOf(await service.app.get(Database).ready());
    const delivery = (await findDueDelivery(sql, jobId))!;
    const error = `The receiver responded with status ${status}`;
    await recordAttempt(sql, delivery, { startedAt: new Date(), durationMs: 12, status, error }, { state: 'failed' });
  };

  describe.skipIf(!hasBrowser)('as an operator sees them', () => {
    let browser: Browser;
    let visitor: Visitor;

    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(() => browser.close());
    afterEach(async () => {
      expect(visitor.complaints).toEqual([]);
      await visitor.leave();
    });

    const arrive = async (at: string) => {
      visitor = await visit(browser, service.url, { reducedMotion: 'reduce' });
      await signIn(visitor.page, at);
      await settled(visitor.page);
      return visitor.page;
    };
    const look = async (page: Page, what: string) => {
      await inEachLook(page, async (colorScheme, width) => {
        await expectAccessible(page, `${what}, ${colorScheme}, ${width} pixels`);
        const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        expect(overflow, `${what} is wider than ${width} pixels`).toBeLessThanOrEqual(0);
        await screenshot(page, `${what}-${colorScheme}-${width}`);
      });
      await page.setViewportSize({ width: 1280, height: 860 });
    };
    const valueOf = (page: Page, name: string) =>
      page.getByText(name, { exact: true }).locator('xpath=ancestor-or-self::dt/following-sibling::dd[1]');

    it('say how to start one where there are none', async () => {
      const page = await arrive('/admin');
      await page.getByRole('link', { name: 'Batches' }).click();
      await page.getByText('No batches').waitFor();
      await page
        .getByText(
          `curl -H 'X-API-Key: YOUR_KEY' -F kind=mask -F archive=@photos.zip http://localhost:8000/api/v1/jobs`,
        )
        .waitFor();
      await page.getByText('face-api mask photos --out masked').waitFor();
      await look(page, 'batches-none');
    });

    it('are listed of all keys, the newest first, with progress that moves on the page', async () => {
      await create(2, null);
      const id = await create(4);
      const page = await arrive('/admin/batches');
      const row = page.getByRole('row').nth(1);
      await row.getByRole('cell', { name: 'paper' }).waitFor();
      const progress = () => row.locator('progress').evaluate((bar: { value: number; max: number }) => bar.value);
      expect(await progress()).toBe(0);
      await settle(id, 0, 1, DONE);
      await row.getByText('2 of 4').waitFor();
      expect(await progress()).toBe(2);
      await settle(id, 2, 2, failed('failed', 'unsupported_image', 'The file is not an image'));
      await row.getByText('1 failed').waitFor();
      await look(page, 'batches');
      await settle(id, 3, 3, DONE);
      await row.getByText('done', { exact: true }).waitFor();
      await row.getByText('4 of 4').waitFor();
      await row.getByRole('link').click();
      await page.getByRole('heading', { name: /^Mask batch/ }).waitFor();
    });

    it('show their failures by reason with the names of the files', async () => {
      const id = await create(6, 'paper', { method: 'solid' });
      await settle(id, 0, 0, failed('dead', 'deadline_exceeded', 'Processing took too long'));
      await settle(id, 1, 2, failed('failed', 'undecodable_image', 'The file is cut off'));
      const page = await arrive(`/admin/batches/${id}`);
      await page.getByRole('heading', { name: '3 files without a result' }).waitFor();
      const reasons = page.getByRole('listitem').filter({ has: page.getByRole('heading', { level: 3 }) });
      expect(await reasons.count()).toBe(2);
      const [first, second] = [reasons.nth(0), reasons.nth(1)];
      await first.getByRole('heading', { name: 'undecodable image 2' }).waitFor();
      expect(await first.getByRole('listitem').allInnerTexts()).toEqual([
        'shoot/photo 1 ä.jpg\nThe file is cut off',
        'shoot/photo 2 ä.jpg\nThe file is cut off',
      ]);
      await second.getByRole('heading', { name: 'deadline exceeded 1' }).waitFor();
      await second.getByText('may succeed if retried').waitFor();
      expect(await valueOf(page, 'method').textContent()).toBe('solid');
      await look(page, 'batch-failures');
    });

    it('are canceled after a question; what is done stays', async () => {
      const id = await create(3);
      await settle(id, 0, 0, DONE);
      const page = await arrive(`/admin/batches/${id}`);
      await page.getByRole('button', { name: 'Cancel batch' }).click();
      const dialog = page.getByRole('dialog', { name: 'Cancel this batch?' });
      await dialog.getByText('2 images that still wait').waitFor();
      await expectAccessible(page, 'the question before a batch is canceled');
      await dialog.getByRole('button', { name: 'Let it continue' }).click();
      expect(await readJson(asAdmin(service, `/batches/${id}`))).toMatchObject({ state: 'active' });
      await page.getByRole('button', { name: 'Cancel batch' }).click();
      await dialog.getByRole('button', { name: 'Cancel the batch' }).click();
      await page.getByText('The batch was canceled.').waitFor();
      await expect.poll(() => valueOf(page, 'State').innerText()).toBe('canceled');
      expect(await readJson(asAdmin(service, `/batches/${id}`))).toMatchObject({
        state: 'canceled',
        counts: { done: 1, canceled: 2, waiting: 0 },
      });
      await look(page, 'batch-canceled');
    });

    it('are retried where that may help, and their results downloaded', async () => {
      const id = await create(2);
      await settle(id, 0, 0, DONE);
      await settle(id, 1, 1, failed('dead', 'internal', 'Out of luck'));
      const page = await arrive(`/admin/batches/${id}`);
      await page.getByRole('button', { name: 'Retry 1 failed image' }).click();
      await page.getByText('The failed images are processed again.').waitFor();
      await expect.poll(() => valueOf(page, 'Waiting').innerText()).toBe('1');
      const worker = await startService({ ...environment, FACE_API_ROLE: 'worker' });
      try {
        const link = page.getByRole('link', { name: 'Download results' });
        await link.waitFor({ timeout: 40_000 });
        expect(await valueOf(page, 'Done').innerText()).toBe('2');
        const downloading = page.waitForEvent('download');
        await link.click();
        const download = await downloading;
        expect(download.suggestedFilename()).toBe(`${id}.zip`);
        const archive = unzipSync(await readFile(await download.path()));
        expect(Object.keys(archive).toSorted()).toEqual(['manifest.jsonl', 'shoot/photo 1 ä.jpg']);
      } finally {
        await worker.close();
      }
    });

    it('show their webhooks with each attempt, and send them again', async () => {
      const id = await create(1, 'paper', {}, 'https://hooks.example.com/faces');
      const page = await arrive(`/admin/batches/${id}`);
      await page.getByText('https://hooks.example.com/faces').waitFor();
      await page.getByText('It is sent when the batch has ended.').waitFor();
      const jobId = await settle(id, 0, 0, DONE);
      await page.getByText('waiting', { exact: true }).waitFor();
      expect(await valueOf(page, 'Attempts').textContent()).toBe('0');
      await giveUpWebhook(jobId!, 410);
      await page.getByText('failed', { exact: true }).waitFor();
      await expect.poll(() => valueOf(page, 'Attempts').textContent()).toBe('1');
      expect(await valueOf(page, 'Last response').textContent()).toBe('The receiver responded with status 410');
      await look(page, 'batch-webhook');
      await page.getByRole('button', { name: 'Send again' }).click();
      await page.getByText('The webhook is sent again.').waitFor();
      await page.getByText('waiting', { exact: true }).waitFor();
      const { deliveries } = await readJson<AdminBatchDetailBody>(asAdmin(service, `/batches/${id}`));
      expect(deliveries).toMatchObject([{ state: 'waiting', attempts: 1 }]);
      await page.goto(`${service.url}/admin/system/audit`);
      await page.getByRole('row').filter({ hasText: 'redeliver' }).getByRole('link', { name: id }).waitFor();
    });

    it('say so where there is no such batch', async () => {
      const page = await arrive('/admin/batches/0190a0b0-0000-7000-8000-000000000000');
      await page.getByText('Batch not found').waitFor();
      await look(page, 'no-such-batch');
    });
  });

  describe('as their API gives them', () => {
    it('are paged: each once, whoever sent it', async () => {
      const created = [await create(1, 'paper'), await create(1, null), await create(1, 'school')];
      const seen: AdminBatchBody[] = [];
      for (let after = ''; seen.length < created.length;) {
        const page = await readJson<AdminBatchPageBody>(asAdmin(service, `/batches?limit=1${after}`));
        expect(page.rows).toHaveLength(1);
        seen.push(...page.rows);
        after = `&after=${page.next}`;
      }
      expect(seen.map(({ id, api_key_name: key }) => [id, key])).toEqual(
        created.map((id, at) => [id, ['paper', null, 'school'][at]]).toReversed(),
      );
    });

    it('name the first hundred files of a reason, and count all', async () => {
      const id = await create(103);
      await settle(id, 0, 101, failed('failed', 'unsupported_image', 'No image'));
      const { failures } = await readJson<AdminBatchDetailBody>(asAdmin(service, `/batches/${id}`));
      expect(failures).toMatchObject([{ state: 'failed', code: 'unsupported_image', count: 102 }]);
      expect(failures[0]!.files).toHaveLength(100);
      expect(failures[0]!.files[99]).toEqual({ name: 'shoot/photo 99 ä.jpg', detail: 'No image' });
    });

    it('give no results while they are active, and part of them to whoever resumes', async () => {
      const id = await create(1);
      await expectProblem(await asAdmin(service, `/batches/${id}/result`), 409, 'batch-active');
      await settle(id, 0, 0, DONE);
      const part = await asAdmin(service, `/batches/${id}/result`, { headers: { range: 'bytes=0-3' } });
      expect([part.status, await part.text()]).toEqual([206, 'PK\u0003\u0004']);
    });
  });
});

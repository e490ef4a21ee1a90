import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AuditPage, ImageDetail } from '../src/admin/kept/schemas.ts';
import type { ReviewItem, ReviewPage } from '../src/admin/review/queue-schemas.ts';
import type { AdminVersionsBody, ReportsBody } from '../src/admin/review/schemas.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { crowd, encode } from './fixtures/portraits.ts';
import { createTestDatabase, type TestDatabase } from './fixtures/test-database.ts';
import { ADMIN_ENVIRONMENT, asAdmin, readJson, storedJob } from './support/admin-client.ts';
import { expectAccessible, hasBrowser, inEachLook, screenshot, signIn, visit } from './support/browser.ts';
import { openBrowser } from './support/chromium.ts';
import { operatorSettings } from './support/operator.ts';
import { type Environment, send, type Service, startService } from './support/service.ts';

/** Reports from outside: the public page of a masked image, and what comes of it. */

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let folder: string;
let database: TestDatabase;
let settings: Environment;
let service: Service;

beforeAll(async () => {
  folder = await makeDataFolder('reports');
  database = await createTestDatabase();
  settings = {
    ...(await operatorSettings()),
    ...ADMIN_ENVIRONMENT,
    FACE_API_STORAGE_ENABLED: 'true',
    FACE_API_REPORTS_ENABLED: 'true',
    FACE_API_DATA_FOLDER: folder,
    DATABASE_URL: database.url,
    FACE_API_MASK_RECALL: 'fast',
    FACE_API_API_KEYS: 'app:0123456789abcdef',
  };
});
// What is counted per address is in memory.
beforeEach(async () => {
  service = await startService(settings);
  return () => service.close();
});
afterAll(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

const get = <Body>(path: string) => readJson<Body>(asAdmin(service, path));

let seed = 500;
async function newImage(): Promise<ImageDetail> {
  const image = await encode(crowd(3, { seed: seed++, width: 640, height: 480 }), 'jpeg');
  const response = await send(service.url, 'mask', image, { headers: { 'x-api-key': '0123456789abcdef' } });
  await response.arrayBuffer();
  const job = await storedJob(service, response);
  return get<ImageDetail>(`/images/${job.image_id!}`);
}

const post = (path: string, form: Record<string, string>): Promise<Response> =>
  fetch(service.url + path, { method: 'POST', body: new URLSearchParams(form) });

const reportsOf = async (id: string) => (await get<ReportsBody>(`/images/${id}/reports`)).reports;

describe('the public page of a masked image', () => {
  it('shows the version that is served, takes a report without an account, and keeps nothing about the sender', async () => {
    const image = await newImage();
    const page = await fetch(service.url + image.report_url!);
    expect(page.status).toBe(200);
    expect(page.headers.getSetCookie()).toEqual([]);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.headers.get('x-robots-tag')).toContain('noindex');
    await page.text();
    const picture = await fetch(`${service.url}${image.report_url!}/image`);
    const [served] = (await get<AdminVersionsBody>(`/images/${image.id}/versions`)).versions;
    expect(sha256(Buffer.from(await picture.arrayBuffer()))).toBe(served!.sha256);

    const sent = await post(image.report_url!, { x: '250', y: '500', message: ' <b>me</b> ' });
    expect({ status: sent.status, text: await sent.text() }).toMatchObject({ status: 200 });
    expect(await reportsOf(image.id)).toEqual([
      {
        id: expect.any(String) as string,
        version: 1,
        point: { x: 160, y: 240 },
        message: '<b>me</b>',
        created_at: expect.any(String) as string,
      },
    ]);
    const { rows } = await get<AuditPage>('/audit?limit=1');
    expect(rows[0]).toMatchObject({ action: 'report', actor: 'public', subject: image.id });
    expect((await asAdmin(service, `/images/${image.id}`, { method: 'DELETE' })).status).toBe(200);
    expect(await reportsOf(image.id)).toEqual([]);
    expect((await fetch(service.url + image.report_url!)).status).toBe(404);
  });

  it('opens the review of the image, also after it was approved', async () => {
    const image = await newImage();
    const report = async () => (await post(image.report_url!, { message: 'second row' })).text();
    const reported = async () =>
      (await get<ReviewPage>('/review?reason=reported')).rows.filter((row) => row.image.id === image.id);
    await report();
    await report();
    expect(await reported()).toMatchObject([
      {
        image: { id: image.id },
        state: 'open',
        reasons: expect.arrayContaining([{ reason: 'reported', count: 2 }]) as unknown,
      },
    ]);
    const [served] = (await get<AdminVersionsBody>(`/images/${image.id}/versions`)).versions;
    await readJson<ReviewItem>(
      asAdmin(service, `/images/${image.id}/decision`, {
        method: 'POST',
        body: { decision: 'approved', based_on: served!.id },
      }),
    );
    expect(await reported()).toEqual([]);
    await report();
    expect(await get<ReviewItem>(`/images/${image.id}/review`)).toMatchObject({
      state: 'open',
      reasons: expect.arrayContaining([{ reason: 'reported', count: 1 }]) as unknown,
    });
  });

  it.each([
    ['another signature', (path: string) => path.slice(0, -3) + (path.endsWith('AAA') ? 'BBB' : 'AAA')],
    [
      'another image',
      (path: string) => path.replace(/report\/./, (start) => `report/${start.endsWith('A') ? 'B' : 'A'}`),
    ],
    ['the ID', () => '/report/01a205b5-a78b-747a-8cbe-8c0273142ae7'],
  ])('does not exist with %s', async (_, changed) => {
    const path = changed((await newImage()).report_url!);
    for (const response of [
      await fetch(service.url + path),
      await fetch(`${service.url}${path}/image`),
      await post(path, { message: 'hello' }),
    ]) {
      expect(response.status).toBe(404);
      await response.text();
    }
  });

  it.each([
    ['an empty form', {}],
    ['half a place', { x: '1' }],
    ['a place outside', { x: '1001', y: '3' }],
    ['a long message', { message: 'x'.repeat(2001) }],
  ])('takes no report of %s', async (_, form) => {
    const image = await newImage();
    const response = await post(image.report_url!, form);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('Point at a face');
    expect(await reportsOf(image.id)).toEqual([]);
  });

  it('takes five reports of one address in ten minutes', async () => {
    const image = await newImage();
    const statuses = [];
    for (let count = 0; count < 6; count++) {
      const response = await post(image.report_url!, { message: `number ${count}` });
      statuses.push(response.status);
      if (response.status === 429) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      await response.text();
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    expect(await reportsOf(image.id)).toHaveLength(5);
  });

  it('does not exist unless it is turned on, and needs storage', async () => {
    const path = (await newImage()).report_url!;
    const off = await startService({ ...settings, FACE_API_REPORTS_ENABLED: 'false' });
    try {
      const response = await fetch(off.url + path);
      expect(response.status).toBe(404);
      await response.text();
    } finally {
      await off.close();
    }
    await expect(startService({ FACE_API_REPORTS_ENABLED: 'true' })).rejects.toThrow('FACE_API_STORAGE_ENABLED');
  });
});

describe.skipIf(!hasBrowser)('the public page in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  async function opened(image: ImageDetail, options: BrowserContextOptions = {}) {
    const visitor = await visit(browser, service.url, options);
    await visitor.page.goto(image.report_url!);
    return visitor;
  }

  it('is accessible in both themes and on a phone', async () => {
    const visitor = await opened(await newImage());
    const { page } = visitor;
    await page.getByRole('img', { name: 'The published photo' }).click({ position: { x: 100, y: 100 } });
    await inEachLook(page, async (theme, width) => {
      await expectAccessible(page, `${theme} ${width}`);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      await screenshot(page, `report-${theme}-${width}`);
    });
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  it('takes a tap on the picture', async () => {
    const image = await newImage();
    const visitor = await opened(image, { hasTouch: true, isMobile: true, viewport: { width: 360, height: 740 } });
    const { page } = visitor;
    const picture = page.getByRole('img', { name: 'The published photo' });
    const { width, height } = (await picture.boundingBox())!;
    await picture.tap({ position: { x: width / 4, y: height / 2 } });
    await page.getByRole('button', { name: 'Send the report' }).tap();
    await page.getByRole('heading', { name: 'Thank you' }).waitFor();
    await expectAccessible(page, 'thanks');
    const [report] = await reportsOf(image.id);
    expect(Math.abs(report!.point!.x - 160)).toBeLessThan(5);
    expect(Math.abs(report!.point!.y - 240)).toBeLessThan(5);
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  it('takes the arrow keys, and a message', async () => {
    const image = await newImage();
    const visitor = await opened(image);
    const { page } = visitor;
    await page.getByLabel('From left to right').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Tab');
    await page.keyboard.press('End');
    await page.keyboard.press('Tab');
    await page.keyboard.type('the lower left corner');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Thank you' }).waitFor();
    expect(await reportsOf(image.id)).toMatchObject([{ point: { x: 0, y: 480 }, message: 'the lower left corner' }]);
    await visitor.leave();
  });

  it('takes a message without a script, and says what is missing', async () => {
    const image = await newImage();
    const visitor = await opened(image, { javaScriptEnabled: false });
    const { page } = visitor;
    await page.getByRole('button', { name: 'Send the report' }).click();
    await page.getByRole('alert').waitFor();
    await page.goBack();
    await page.getByLabel('Message').fill('in the mirror');
    await page.getByRole('button', { name: 'Send the report' }).click();
    await page.getByRole('heading', { name: 'Thank you' }).waitFor();
    expect(await reportsOf(image.id)).toMatchObject([{ point: null, message: 'in the mirror' }]);
    await visitor.leave();
  });

  it('leads to the page of the image in the console, as plain text', async () => {
    const image = await newImage();
    await (await post(image.report_url!, { x: '250', y: '500', message: '<img src=x> me' })).text();
    const visitor = await visit(browser, service.url);
    const { page } = visitor;
    await signIn(page, `/admin/images/${image.id}`);
    await page.getByText('A face at 25 % from the left, 50 % from the top').waitFor();
    await page.getByText('<img src=x> me').waitFor();
    await expectAccessible(page, 'console');
    await screenshot(page, 'image-with-report');
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });
});

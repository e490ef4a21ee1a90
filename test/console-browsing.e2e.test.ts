import { rm } from 'node:fs/promises';
import type { Browser, Locator, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FinishedJob } from '../src/storage/job.ts';
import { JobRecorder } from '../src/storage/job-recorder.ts';
import { Spool } from '../src/storage/spool/spool.ts';
import { StoredRecords } from '../src/storage/stored.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { finishedJob } from './fixtures/stored-jobs.ts';
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
import { type Service, startService, until } from './support/service.ts';

const SIZE = { width: 900, height: 600 };
const COLORS = ['#884444', '#448844', '#444488'];
const corner = { left: 800, top: 500, right: 880, bottom: 590 };

async function jobWithPhoto(index: number): Promise<FinishedJob> {
  const original = await sharp({ create: { ...SIZE, channels: 3, background: COLORS[index]! } })
    .jpeg()
    .toBuffer();
  const createdAt = new Date(Date.now() - 60_000 + index * 1000).toISOString();
  const faces = [{ box: corner, box_normalized: corner, score: 0.9, landmarks: null }];
  return finishedJob({ original, size: SIZE, faces, result: null, createdAt, durationMs: 100 + index });
}

describe.skipIf(!hasBrowser)('browsing stored images and jobs', () => {
  let browser: Browser;
  let folder: string;
  let service: Service;
  let visitor: Visitor;

  beforeAll(async () => {
    browser = await openBrowser();
    folder = await makeDataFolder();
    service = await startService({
      ...(await operatorSettings()),
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
    });
    for (let index = 0; index < COLORS.length; index += 1) await keep(await jobWithPhoto(index));
    const error = { code: 'unsupported_content_type', detail: 'The type is not supported' };
    await keep(finishedJob({ status: 'failed', faces: null, faceCount: null, result: null, error }));
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
    await rm(folder, { recursive: true });
  });
  afterEach(async () => {
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  });

  const keep = async (job: FinishedJob) => {
    await service.app.get(JobRecorder).record(job);
    await until(() => service.app.get(Spool).files === 0);
  };
  const arrive = async (at: string, options: Parameters<typeof visit>[2] = {}) => {
    visitor = await visit(browser, service.url, { reducedMotion: 'reduce', ...options });
    await signIn(visitor.page, at);
    await settled(visitor.page);
    return visitor.page;
  };
  const look = async (page: Page, what: string) => {
    await inEachLook(page, async (colorScheme, width) => {
      await expectAccessible(page, `${what}, ${colorScheme}, ${width} pixels`);
      await screenshot(page, `${what}-${colorScheme}-${width}`);
    });
  };
  const room = (page: Page) => page.locator('.viewer .room');

  it('shows outcomes and request IDs whole', async () => {
    const page = await arrive('/admin/jobs');
    const requestId = page.locator('tbody td.mono').first();
    expect(await isCut(requestId)).toBe(false);
    expect((await requestId.textContent())!.trim()).toHaveLength(36);
    await page.setViewportSize({ width: 360, height: 700 });
    const outcome = page.getByText('unsupported content type');
    expect(await isCut(outcome)).toBe(false);
    await look(page, 'jobs-whole');
  });

  it('lists the slowest jobs first where that is wanted', async () => {
    const page = await arrive('/admin/jobs');
    await page.getByRole('button', { name: 'More filters' }).click();
    await page.getByLabel('Sort').selectOption('Slowest first');
    await page.waitForURL('**/admin/jobs?sort=slowest');
    const durations = page.locator('tbody tr td:nth-child(6)');
    await expect.poll(() => durations.allInnerTexts()).toEqual(['102 ms', '101 ms', '100 ms', '25.0 ms']);
  });

  it('finds a job and an image by what the console shows of them, and by digest', async () => {
    const { rows } = await service.app.get(StoredRecords).jobs({ minFaces: 1 }, { limit: 10 });
    const job = await service.app.get(StoredRecords).job(rows[1]!.id);
    const page = await arrive('/admin/jobs');
    const search = page.getByLabel('Search');
    const found = page.locator('tbody tr th a');
    const href = `/admin/jobs/${job!.id}`;
    for (const text of [job!.id, `…${job!.id.slice(-8)}`, job!.requestId, job!.image!.sha256]) {
      await search.fill(text);
      await search.press('Enter');
      await page.waitForURL(`**/admin/jobs?search=${text.replace('…', '')}`);
      await expect.poll(() => found.evaluateAll(hrefsOf), { message: text }).toEqual([href]);
    }
    await look(page, 'jobs-found');
    await page.setViewportSize({ width: 1280, height: 860 });
    await search.fill('nothing of this name');
    await search.press('Enter');
    await page.getByText('No jobs match these filters').waitFor();
    await page.getByRole('link', { name: 'Images' }).click();
    await page.locator('ul.grid a').first().waitFor();
    await search.fill(job!.imageId!.slice(-8));
    await search.press('Enter');
    const images = page.locator('ul.grid a');
    await expect.poll(() => images.evaluateAll(hrefsOf)).toEqual([`/admin/images/${job!.imageId}`]);
    await look(page, 'images-found');
    await page.setViewportSize({ width: 1280, height: 860 });
    // The way back keeps the search.
    await images.first().click();
    await page.getByRole('heading', { name: 'About' }).waitFor();
    await page.getByRole('link', { name: 'Images' }).last().click();
    await page.waitForURL(`**/admin/images?search=${job!.imageId!.slice(-8)}`);
  });

  it('goes to the next and the previous image of the list by key', async () => {
    const page = await arrive('/admin/images?type=jpeg&min_faces=1');
    const links = await page.locator('ul.grid a').evaluateAll(hrefsOf);
    expect(links).toHaveLength(COLORS.length);
    const at = () => new URL(page.url()).pathname;
    await page.locator('ul.grid a').first().click();
    await page.getByRole('heading', { name: 'About' }).waitFor();
    expect(await page.getByRole('button', { name: /^Previous image/ }).isDisabled()).toBe(true);
    await page.keyboard.press('ArrowRight');
    await expect.poll(at).toBe(links[1]);
    await page.getByRole('button', { name: /^Next image/ }).click();
    await expect.poll(at).toBe(links[2]);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowLeft');
    await expect.poll(at).toBe(links[1]);
    // The keys belong to a control that has the focus.
    await page.getByLabel('Padding').focus();
    await page.keyboard.press('ArrowRight');
    expect(at()).toBe(links[1]);
    await page.goBack();
    await page.waitForURL('**/admin/images?type=jpeg&min_faces=1');
  });

  it('enlarges a picture, and brings a face of the list into it', async () => {
    const page = await arrive('/admin/images?min_faces=1');
    await page.locator('ul.grid a').first().click();
    await page.getByRole('list', { name: 'Faces with their scores' }).waitFor();
    await settled(page);
    const stage = page.locator('.stage');
    const fit = (await stage.boundingBox())!;
    for (let step = 0; step < 4; step += 1) await page.keyboard.press('+');
    await expect.poll(async () => (await stage.boundingBox())!.width / fit.width).toBeCloseTo(4, 1);
    const window = (await room(page).boundingBox())!;
    expect(window.width).toBeLessThan(fit.width + 100);
    const before = await page.evaluate<number>('scrollY');
    await page
      .getByRole('button', { name: /^Face 1/ })
      .last()
      .hover();
    const face = page.locator('.stage rect.line').first();
    await expect
      .poll(async () => {
        const box = (await face.boundingBox())!;
        const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
        return x > window.x && x < window.x + window.width && y > window.y && y < window.y + window.height;
      })
      .toBe(true);
    expect(await page.evaluate<number>('scrollY')).toBe(before);
    await look(page, 'image-enlarged');
    await page.getByRole('button', { name: /^Zoom out/ }).click();
    await page.keyboard.press('0');
    await page.setViewportSize({ width: 1280, height: 860 });
    await expect.poll(async () => (await stage.boundingBox())!.width).toBeCloseTo(fit.width, 0);
    expect(await page.getByRole('button', { name: /^Zoom out/ }).isDisabled()).toBe(true);
  });

  // Last, because it erases what the others look at.
  it('erases several images at once, after it has said what goes', async () => {
    const page = await arrive('/admin/images?min_faces=1');
    const boxes = page.getByRole('checkbox', { name: /^Select image [0-9a-f]{8}$/ });
    expect(await boxes.count()).toBe(COLORS.length);
    await boxes.nth(0).check();
    await boxes.nth(2).check();
    await page.getByText('2 images selected').waitFor();
    await look(page, 'images-selected');
    await page.setViewportSize({ width: 1280, height: 860 });
    await page.getByRole('button', { name: 'Erase selected' }).click();
    const dialog = page.getByRole('dialog', { name: 'Erase 2 images?' });
    await dialog.getByText('2 jobs with all detected faces').waitFor();
    await expectAccessible(page, 'the question before an erasure of several');
    await screenshot(page, 'images-erase-several');
    await dialog.getByRole('button', { name: 'Erase', exact: true }).click();
    await page.getByText('2 images erased, with all jobs and results.').waitFor();
    await expect.poll(() => boxes.count()).toBe(1);
    expect(await page.getByText(/selected$/).count()).toBe(0);
  });
});

function hrefsOf(links: { getAttribute: (name: string) => string }[]): string[] {
  return links.map((link) => link.getAttribute('href'));
}

interface Measured {
  readonly scrollWidth: number;
  readonly clientWidth: number;
  closest: (selector: string) => Measured;
  getBoundingClientRect: () => { readonly right: number };
}

/** Whether a part of the text is not shown: beyond the edge of its own box or of its table. */
function isCut(text: Locator): Promise<boolean> {
  return text.evaluate((element: Measured) => {
    const table = element.closest('.scroll');
    const isOutside = element.getBoundingClientRect().right > table.getBoundingClientRect().right + 1;
    return isOutside || element.scrollWidth > element.clientWidth + 1;
  });
}

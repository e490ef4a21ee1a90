import { rm } from 'node:fs/promises';
import type { Browser, Locator, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { JobRecorder } from '../src/storage/job-recorder.ts';
import { Spool } from '../src/storage/spool/spool.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { finishedJob } from './fixtures/stored-jobs.ts';
import { expectAccessible, hasBrowser, screenshot, settled, signIn, type Visitor, visit } from './support/browser.ts';
import { openBrowser } from './support/chromium.ts';
import { operatorSettings } from './support/operator.ts';
import { type Service, startService, until } from './support/service.ts';

const COLUMNS = 6;
const ROWS = 5;
const SIZE = { width: 1200, height: 1000 };
/** As many as do not fit into their list. */
const FACES = Array.from({ length: COLUMNS * ROWS }, (_, index) => {
  const [left, top] = [40 + (index % COLUMNS) * 195, 40 + Math.floor(index / COLUMNS) * 190];
  const box = { left, top, right: left + 110, bottom: top + 140 };
  return { box, box_normalized: box, score: 0.9 - index / 100, landmarks: null };
});
const photo = await sharp({ create: { ...SIZE, channels: 3, background: '#8899aa' } })
  .jpeg()
  .toBuffer();
const STAGES = ['queue', 'header', 'decode', 'tensor', 'inference', 'select', 'quality', 'mask', 'encode', 'digest'];
const ACTIVE = /\bactive\b/;
const SHOWN = /\bshown\b/;

describe.skipIf(!hasBrowser)('the faces of a picture and their list', () => {
  let browser: Browser;
  let folder: string;
  let service: Service;
  let visitor: Visitor;
  const job = finishedJob({
    original: photo,
    size: SIZE,
    faces: FACES,
    faceCount: FACES.length,
    timings: { ...Object.fromEntries(STAGES.map((stage, index) => [stage, 10 + index])), total: 145 },
    result: null,
  });

  beforeAll(async () => {
    browser = await openBrowser();
    folder = await makeDataFolder();
    service = await startService({
      ...(await operatorSettings()),
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
    });
    await service.app.get(JobRecorder).record(job);
    await until(() => service.app.get(Spool).files === 0);
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

  const arrive = async (at: string, options: Parameters<typeof visit>[2] = {}) => {
    visitor = await visit(browser, service.url, options);
    await signIn(visitor.page, at);
    return visitor.page;
  };
  const openImage = async (page: Page) => {
    await page.goto('/admin/images');
    await page.locator('ul.grid a').click();
    await page.getByRole('list', { name: 'Faces with their scores' }).waitFor();
    await settled(page);
  };
  const openJob = async (page: Page) => {
    await page.goto(`/admin/jobs/${job.id}`);
    await page.getByRole('heading', { name: 'Timings' }).waitFor();
    await settled(page);
  };

  const rows = (page: Page) => page.getByRole('list', { name: 'Faces with their scores' }).getByRole('button');
  const faces = (page: Page) => page.locator('.stage g[role=button]');
  const hoverFace = (page: Page, index: number) => page.locator('.stage rect.line').nth(index).hover();

  it.each([
    { where: 'image', open: openImage },
    { where: 'job', open: openJob },
  ])('scrolls to the row of the face under the pointer, and marks the face of the row ($where)', async ({ open }) => {
    const page = await arrive('/admin/system');
    await open(page);
    const last = FACES.length - 1;
    expect(await isVisibleIn(rows(page).nth(last))).toBe(false);
    const before = await page.evaluate<number>('scrollY');
    await hoverFace(page, last);
    await expect.poll(() => isVisibleIn(rows(page).nth(last))).toBe(true);
    expect(await rows(page).nth(last).getAttribute('class')).toMatch(SHOWN);
    expect(await page.evaluate<number>('scrollY')).toBe(before);

    const row = rows(page).nth(last - 1);
    await row.hover();
    expect(
      await faces(page)
        .nth(last - 1)
        .getAttribute('class'),
    ).toMatch(ACTIVE);
    expect(await faces(page).nth(last).getAttribute('class')).not.toMatch(ACTIVE);
    await page.keyboard.press('Tab');
    await row.focus();
    await page.keyboard.press('ArrowUp');
    await expect
      .poll(() =>
        faces(page)
          .nth(last - 2)
          .getAttribute('class'),
      )
      .toMatch(ACTIVE);
  });

  it('scrolls to the face whose row is pressed, where the picture is not in view', async () => {
    const page = await arrive('/admin/system', { viewport: { width: 360, height: 700 } });
    await openJob(page);
    await rows(page).nth(2).scrollIntoViewIfNeeded();
    await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
    const face = faces(page).nth(2);
    expect(await isOnScreen(face)).toBe(false);
    await rows(page).nth(2).click();
    await expect.poll(() => isOnScreen(face)).toBe(true);
  });

  it.each(['light', 'dark'] as const)('gives each stage a color of its own (%s)', async (colorScheme) => {
    const page = await arrive('/admin/system', { colorScheme, reducedMotion: 'reduce' });
    await openJob(page);
    const fills = await page.evaluate<string[]>(
      `[...document.querySelectorAll('.legend rect')].map((rect) => getComputedStyle(rect).fill)`,
    );
    expect(fills).toHaveLength(STAGES.length);
    expect(new Set(fills).size).toBe(STAGES.length);
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 860 });
      await openJob(page);
      await expectAccessible(page, `a job with many faces, ${width} pixels, ${colorScheme}`);
      await screenshot(page, `faces-job-${colorScheme}-${width}`);
      await openImage(page);
      await expectAccessible(page, `an image with many faces, ${width} pixels, ${colorScheme}`);
      await screenshot(page, `faces-image-${colorScheme}-${width}`);
    }
  });

  it('shows all parts of the system page on a telephone', async () => {
    const page = await arrive('/admin/system', { viewport: { width: 360, height: 700 } });
    const parts = page.getByRole('navigation', { name: 'System' }).getByRole('link');
    expect(await parts.allTextContents()).toEqual(['Status', 'Configuration', 'Maintenance', 'Audit log']);
    for (const part of await parts.all()) expect(await isOnScreen(part)).toBe(true);
    await parts.last().click();
    await page.waitForURL('**/admin/system/audit');
    await settled(page);
    await expectAccessible(page, 'the audit log on a telephone');
    await screenshot(page, 'system-parts-360');
  });
});

interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}
interface Measured {
  getBoundingClientRect: () => Rectangle;
  closest: (selector: string) => Measured | null;
}

/** Whether a row is within the part of its list that is shown. */
function isVisibleIn(row: Locator): Promise<boolean> {
  return row.evaluate((element: Measured) => {
    const [mine, list] = [element.getBoundingClientRect(), element.closest('ol')!.getBoundingClientRect()];
    return mine.top >= list.top - 1 && mine.bottom <= list.bottom + 1;
  });
}

async function isOnScreen(what: Locator): Promise<boolean> {
  const box = await what.boundingBox();
  const window = what.page().viewportSize();
  if (box === null || window === null) return false;
  const fits = box.x >= 0 && box.x + box.width <= window.width + 1;
  return fits && box.y >= 0 && box.y + box.height <= window.height + 1;
}

import { rm } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ReviewItem, ReviewPage } from '../src/admin/review/queue-schemas.ts';
import { makeDataFolder } from './fixtures/data-folder.ts';
import { freePort } from './fixtures/free-port.ts';
import { crowd, cutByBorder, encode, PLAIN_LOOK, portrait } from './fixtures/portraits.ts';
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
import { bearer, operatorSettings } from './support/operator.ts';
import { send, type Service, startService, until } from './support/service.ts';
import { type Environment, type ServiceProcess, startServiceProcess } from './support/service-process.ts';

const queueAt = (url: string, query = '') =>
  readJson<ReviewPage>(fetch(`${url}/api/v1/admin/review?limit=200&${query}`, { headers: bearer }));
const idsOf = ({ rows }: ReviewPage) => rows.map(({ image }) => image.id);

async function mask(url: string, image: Buffer, options: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const response = await send(url, 'mask', image, { options });
  await response.arrayBuffer();
  expect(response.status).toBe(200);
}

const focusAndPress = async (page: Page, name: string) => {
  const button = page.getByRole('button', { name, exact: true, disabled: false });
  await button.waitFor();
  await button.focus();
  await page.keyboard.press('Enter');
};

describe.skipIf(!hasBrowser)('the page Review', { timeout: 180_000 }, () => {
  const IMAGES = 6;
  /** Two browsers and the service on a small machine */
  const BUSY_MS = 30_000;
  const BUSY = { timeout: BUSY_MS };
  let browser: Browser;
  let folder: string;
  let service: Service;
  let ids: readonly string[];
  const visitors: Visitor[] = [];

  beforeAll(async () => {
    browser = await openBrowser();
    folder = await makeDataFolder();
    service = await startService({
      ...(await operatorSettings()),
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
    });
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
    await rm(folder, { recursive: true });
  });
  afterEach(async () => {
    for (const { complaints, leave } of visitors.splice(0)) {
      expect(complaints).toEqual([]);
      await leave();
    }
  });

  const arrive = async (at = '/admin/review'): Promise<Page> => {
    const visitor = await visit(browser, service.url);
    visitors.push(visitor);
    visitor.page.setDefaultTimeout(BUSY_MS);
    await signIn(visitor.page, at);
    return visitor.page;
  };
  const reviewOf = (id: string) =>
    readJson<ReviewItem>(fetch(`${service.url}/api/v1/admin/images/${id}/review`, { headers: bearer }));
  const position = (page: Page) => page.getByLabel('Review', { exact: true }).locator('.position');
  const opened = (page: Page, id: string) => page.waitForURL((url) => url.pathname.endsWith(id));

  it('says that there is nothing to review yet', async () => {
    const page = await arrive();
    await page.getByText('Nothing to review yet').waitFor();
    await expectAccessible(page, 'the empty queue');
    await screenshot(page, 'review-empty');
  });

  it('lists the masked images with their reasons, the highest doubt first, and their number in the navigation', async () => {
    await mask(service.url, Buffer.from(await encode(crowd(5, { seed: 901 }), 'jpeg')), {
      threshold: 0.99,
      review_threshold: 0.3,
    });
    await mask(service.url, Buffer.from(await encode(cutByBorder('left', { seed: 902 }), 'jpeg')));
    for (let seed = 903; seed < 900 + IMAGES; seed++) {
      await mask(service.url, Buffer.from(await encode(portrait({ seed, look: PLAIN_LOOK }), 'jpeg')));
    }
    await mask(service.url, Buffer.from(await encode(crowd(30, { seed: 990, width: 1600, height: 1200 }), 'jpeg')), {
      recall: 'fast',
    });
    await until(async () => (await queueAt(service.url)).total === IMAGES);
    ids = idsOf(await queueAt(service.url));
    const page = await arrive();
    const rows = page.locator('ul.rows li');
    await expect.poll(() => rows.count(), BUSY).toBe(IMAGES);
    const hrefs = await page
      .locator('ul.rows a')
      .evaluateAll((all) => all.map((a) => (a as unknown as { pathname: string }).pathname));
    expect(hrefs).toEqual(ids.map((id) => `/admin/images/${id}`));
    await rows
      .first()
      .getByText(/uncertain/)
      .waitFor();
    await page.getByRole('link', { name: `Review ${IMAGES} open` }).waitFor();
    await page.getByLabel('Reason').selectOption('Cut by the border');
    await expect.poll(() => new URL(page.url()).search, BUSY).toBe('?reason=cut_faces');
    const cut = await queueAt(service.url, 'reason=cut_faces');
    await expect.poll(() => rows.count(), BUSY).toBe(cut.total);
    await page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(() => rows.count(), BUSY).toBe(IMAGES);
    await inEachLook(page, async (scheme, width) => {
      await expectAccessible(page, `review ${scheme} ${width}`);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
      await screenshot(page, `review-${scheme}-${width}`);
    });
  });

  it('opens the images of a view one after the other, by keys that text fields and dialogs keep for themselves', async () => {
    const page = await arrive();
    await focusAndPress(page, 'Start review');
    await opened(page, ids[0]!);
    await expect.poll(() => position(page).textContent(), BUSY).toContain(`1 of ${IMAGES}`);
    await page.keyboard.press('j');
    await opened(page, ids[1]!);
    await page.keyboard.press('ArrowRight');
    await opened(page, ids[2]!);
    await page.keyboard.press('k');
    await page.keyboard.press('ArrowLeft');
    await opened(page, ids[0]!);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    // A reload shows the same place.
    await page.keyboard.press('j');
    await opened(page, ids[1]!);
    await page.reload();
    await expect.poll(() => position(page).textContent(), BUSY).toContain(`2 of ${IMAGES}`);
    await settled(page);
    await page.keyboard.press('s');
    await page.getByLabel('Note').pressSequentially('jakob and anna, ask them');
    await expectAccessible(page, 'sending back');
    await screenshot(page, 'review-send-back');
    expect(new URL(page.url()).pathname).toContain(ids[1]);
    expect((await reviewOf(ids[1]!)).state).toBe('open');
    await page.keyboard.press('Enter');
    await opened(page, ids[2]!);
    expect(await reviewOf(ids[1]!)).toMatchObject({ state: 'sent_back', note: 'jakob and anna, ask them' });
    await page.keyboard.press('a');
    await opened(page, ids[3]!);
    expect(await reviewOf(ids[2]!)).toMatchObject({ state: 'approved', decided_by: 'console' });
    await page.keyboard.press('k');
    await page.getByLabel('Review', { exact: true }).getByText('Approved', { exact: true }).waitFor();
    await inEachLook(page, async (scheme, width) => {
      await expectAccessible(page, `review bar ${scheme} ${width}`);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
      await screenshot(page, `review-bar-${scheme}-${width}`);
    });
  });

  it('tells the second of two browsers who works on an image, and lets it take over', async () => {
    const [one, two] = [await arrive(), await arrive()];
    const id = idsOf(await queueAt(service.url))[0]!;
    await focusAndPress(one, 'Start review');
    await opened(one, id);
    await until(async () => (await reviewOf(id)).claim);
    await focusAndPress(two, 'Start review');
    await opened(two, id);
    await two.getByText(/Another session has worked on this image since \d\d:\d\d/).waitFor();
    await settled(two);
    await expectAccessible(two, 'an image on which somebody works');
    await screenshot(two, 'review-claimed');
    await two.keyboard.press('a');
    expect((await reviewOf(id)).state).toBe('open');
    await two.keyboard.press('t');
    await two.getByText(/Another session has worked/).waitFor({ state: 'detached' });
    // The first one decides before its page has learned of it.
    await settled(one);
    await one.keyboard.press('a');
    await one.getByText(/Another session has worked on this image since/).waitFor();
    expect((await reviewOf(id)).state).toBe('open');
    await two.keyboard.press('a');
    await until(async () => (await reviewOf(id)).state === 'approved');
  });

  it('decides on several at once, selected by keyboard or with shift, and says which were left out', async () => {
    const page = await arrive();
    const open = idsOf(await queueAt(service.url));
    const other = await arrive(`/admin/images/${open[1]!}?review=`);
    await until(async () => (await reviewOf(open[1]!)).claim);
    const boxes = page.locator('ul.rows input[type=checkbox]');
    await boxes.first().click();
    await boxes.last().click({ modifiers: ['Shift'] });
    await page.getByText(`${open.length} images selected`).waitFor();
    await page.getByRole('button', { name: 'Clear selection' }).click();
    await boxes.first().focus();
    await page.keyboard.press('Shift+ArrowDown');
    await page.getByText('2 images selected').waitFor();
    await screenshot(page, 'review-selected');
    await focusAndPress(page, 'Approve');
    const dialog = page.getByRole('dialog', { name: 'Approve 2 images?' });
    await dialog.waitFor();
    await expectAccessible(page, 'the question before several are approved');
    await dialog.getByRole('button', { name: 'Approve' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('1 image could not be decided on').waitFor();
    await page.getByText('Somebody else works on it.').waitFor();
    await screenshot(page, 'review-left-out');
    expect((await reviewOf(open[0]!)).state).toBe('approved');
    expect((await reviewOf(open[1]!)).state).toBe('open');
    await other.close();
  });
});

describe.skipIf(!hasBrowser)('a reviewer', () => {
  const IMAGES = 100;
  const FAULTS = 5;
  const LOOK_MS = 150;
  let folder: string;
  let database: TestDatabase;
  let browser: Browser;
  let process: ServiceProcess;
  let settings: Environment;

  beforeAll(async () => {
    folder = await makeDataFolder();
    database = await createTestDatabase();
    browser = await openBrowser();
    settings = {
      ...(await operatorSettings()),
      FACE_API_PORT: String(await freePort()),
      FACE_API_STORAGE_ENABLED: 'true',
      FACE_API_DATA_FOLDER: folder,
      DATABASE_URL: database.url,
    };
    process = await startServiceProcess(settings);
  });
  afterAll(async () => {
    await browser.close();
    await process.stop();
    await database.close();
    await rm(folder, { recursive: true });
  });

  it(`works through ${IMAGES} images by keyboard, with the next one loaded before each decision, and loses none when the service is killed`, async () => {
    for (let seed = 0; seed < IMAGES; seed++) {
      const scene = portrait({ seed, width: 240, height: 320, faceHeight: 110, look: PLAIN_LOOK });
      // A fault: nothing is masked.
      const missed = seed % (IMAGES / FAULTS) === 7 ? { threshold: 1, review_threshold: 1 } : {};
      await mask(process.url, Buffer.from(await encode(scene, 'jpeg')), { recall: 'fast', ...missed });
    }
    await until(async () => (await queueAt(process.url)).total === IMAGES);
    const queue = await queueAt(process.url);
    const order = idsOf(queue);
    const faulty = new Set(await withoutMasks(order));
    expect(faulty.size).toBe(FAULTS);

    const visitor = await visit(browser, process.url);
    const { page } = visitor;
    /** Requests for images and their pictures, and decisions, in their order */
    const log: string[] = [];
    page.on('request', (request) => log.push(`${request.method()} ${new URL(request.url()).pathname}`));
    await signIn(page, '/admin/review');
    await page.locator('ul.rows li').first().waitFor();
    await focusAndPress(page, 'Start review');

    const confirmed = new Map<string, ReviewItem['state']>();
    let waitedMs = 0;
    let seen = '';
    for (const [at, id] of order.entries()) {
      const asked = performance.now();
      seen = await shown(page, id, seen);
      waitedMs += performance.now() - asked;
      const next = order[at + 1];
      // A person looks for longer than it takes to load the next image.
      if (next !== undefined) await until(() => log.includes(`GET /api/v1/admin/images/${next}`));
      await page.waitForTimeout(LOOK_MS);
      if (at === IMAGES / 2) {
        await page.keyboard.press('a');
        await process.stop();
        visitor.forgive(/^console/);
        await page.waitForTimeout(LOOK_MS);
        process = await startServiceProcess(settings);
        // The decision was confirmed before the service was killed, or it is repeated.
        if (new URL(page.url()).pathname.endsWith(id)) await page.keyboard.press('a');
      } else if (faulty.has(id)) {
        await page.keyboard.press('s');
        await page.keyboard.type('a face is visible');
        await page.keyboard.press('Enter');
      } else {
        await page.keyboard.press('a');
      }
      if (next === undefined) await page.waitForURL((url) => url.pathname.endsWith('/review'));
      else await page.waitForURL((url) => url.pathname.endsWith(next));
      confirmed.set(id, faulty.has(id) ? 'sent_back' : 'approved');
    }
    globalThis.process.stdout.write(
      `${IMAGES} images reviewed: ${Math.round(waitedMs)} ms of waiting in total, ${(waitedMs / IMAGES).toFixed(0)} ms per image\n`,
    );

    for (const [at, id] of order.slice(1).entries()) {
      const loaded = log.indexOf(`GET /api/v1/admin/images/${id}`);
      expect(loaded).toBeGreaterThanOrEqual(0);
      expect(loaded).toBeLessThan(log.indexOf(`POST /api/v1/admin/images/${order[at]!}/decision`));
    }
    const decided = [
      ...(await queueAt(process.url, 'state=approved')).rows,
      ...(await queueAt(process.url, 'state=sent_back')).rows,
    ];
    expect(new Map(decided.map(({ image, state }) => [image.id, state]))).toEqual(confirmed);
    expect((await queueAt(process.url)).total).toBe(0);
    await page.getByText('All images are reviewed').waitFor();
    await screenshot(page, 'review-done');
    expect(visitor.complaints).toEqual([]);
    await visitor.leave();
  }, 180_000);

  async function withoutMasks(ids: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (const id of ids) {
      const { versions } = await readJson<{ versions: { masks: unknown[] }[] }>(
        fetch(`${process.url}/api/v1/admin/images/${id}/versions`, { headers: bearer }),
      );
      if (versions[0]!.masks.length === 0) found.push(id);
    }
    return found;
  }

  /** Waits until the picture of the image is on the screen. @returns its URL */
  async function shown(page: Page, id: string, before: string): Promise<string> {
    await until(() =>
      page.evaluate<boolean>(
        `(() => {
        const picture = document.querySelector('.stage img');
        return location.pathname.endsWith(${JSON.stringify(id)}) && picture !== null && picture.complete &&
          picture.naturalWidth > 0 && picture.src !== ${JSON.stringify(before)};
      })()`,
      ),
    );
    return page
      .locator('.stage img')
      .first()
      .evaluate((image) => (image as unknown as { src: string }).src);
  }
});
